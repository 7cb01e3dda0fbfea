"""Which way is better is told by a metric's name."""

import doctest

import pytest

from readers import best
from readers.best import direction, headline

LESS = """
    loss val/loss test_loss epoch_3/val_loss valLoss trainLoss Loss/validation loss/train val.loss validation-loss
    CrossEntropyLoss cross_entropy binary_logloss mlogloss merror top5_error error/top1 err mean_squared_error
    RMSE testRMSE mae val_mape WER cer FID perplexity ppl nll negative_log_likelihood neg_log_likelihood KL kl_div
    epoch_time inference_time latency_ms p99_latency duration_s seconds_per_step time_per_epoch time_to_accuracy
    loss_per_token error_rate word_error_rate memory_usage_mb accuracyLoss final_val_loss min_val_loss regret ece
    errors_per_second
"""
MORE = """
    accuracy val/accuracy train_accuracy acc valAcc top1 f1 F1 f1_score f1-macro auc roc_auc AUROC mAP val_mAP r2 R2
    precision recall bleu rougeL score episode_return mean_reward iou dice
    neg_mean_squared_error neg_log_loss neg_root_mean_squared_error negMeanAbsoluteError log_likelihood
    samples_per_second tokens_per_sec throughput it/s loss_improvement accuracy_over_time/accuracy unheard_of x 123
"""


@pytest.mark.parametrize("name", LESS.split())
def test_less_is_better(name: str) -> None:
    """Losses, errors, durations."""
    assert direction(name) == "minimize"


@pytest.mark.parametrize("name", [*MORE.split(), "", "損失", "/", "__"])
def test_more_is_better(name: str) -> None:
    """Scores, rates, negated losses, and whatever isn't known."""
    assert direction(name) == "maximize"


def test_the_examples_of_the_module_hold() -> None:
    """What the docstrings show is so."""
    assert doctest.testmod(best).failed == 0


def test_the_headline_is_what_most_runs_have() -> None:
    """Then test before validation before train, scores before losses, names in order; never the machine's."""
    assert headline({}) is None
    assert headline({"system/cpu": 9}) is None
    assert headline({"loss": 2, "system/cpu": 9, "accuracy": 2}) == "accuracy"
    assert headline({"loss": 3, "accuracy": 2}) == "loss"
    names = ("train_accuracy", "accuracy", "val_loss", "val/acc", "test_accuracy", "testLoss")
    assert headline(dict.fromkeys(names, 1)) == "test_accuracy"
    assert headline(dict.fromkeys(names[:4], 1)) == "val/acc"
    assert headline(dict.fromkeys(names[:2], 1)) == "accuracy"


def test_a_series_of_metrics_doesn_t_speak_for_a_run_where_another_does() -> None:
    """Of epoch_0/val_acc, epoch_1/val_acc and so on the last is taken, and only if there is no other."""
    numbered = {f"epoch_{epoch}/val_acc": 5 for epoch in range(12)}

    assert headline(numbered | {"train_loss": 5}) == "train_loss"
    assert headline(numbered | {"train_loss": 4}) == "epoch_11/val_acc"
    assert headline({"top1": 5, "top5": 5}) == "top1"
