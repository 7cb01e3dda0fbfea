"""Which direction is better for a metric, told by its name, and which metric speaks for an experiment.

A name is read as words: "val/topKError", "val_loss" and "epoch_3/val_loss" are [val, top, k, error], [val, loss] and
[val, loss]. Its last part decides (what stands behind the last "/" or "."); when none of its words is known, the part
before it does ("loss/train"). In a part the last known word decides, before a "per" ("seconds_per_step"); so many per
second is a rate, and more is better. A leading "neg" or "negative" turns the rest round, as in scikit-learn's
neg_mean_squared_error. A name without a known word is taken as one to maximize; where that is wrong, say so in the call
(every function that needs a direction takes one).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

Direction = Literal["maximize", "minimize"]
Mode = Literal["auto", "max", "min", "maximize", "minimize"]
_MODES: dict[str, Direction] = {"max": "maximize", "min": "minimize", "maximize": "maximize", "minimize": "minimize"}

_LESS = """
    loss losses error errors err errs mistakes failures regret cost costs risk penalty residual residuals
    mse rmse msle rmsle mae medae mape smape mase mad deviance brier hinge logloss crossentropy entropy
    perplexity ppl nll bpc bpb bpd wer cer ter mer fid kid kl divergence distance lpips ece mce eer
    fpr fnr fdr aic bic
    time times latency duration elapsed runtime seconds secs sec ms minutes hours overhead
    memory mem rss bytes emissions carbon
"""
MINIMIZE = frozenset(_LESS.split())
"""Words of metrics of which less is better."""

_MORE = """
    accuracy acc score scores f1 fbeta precision recall sensitivity specificity tpr tnr ppv npv auc auroc auprc roc
    ap map mrr ndcg hit hits r2 correlation corr pearson spearman kendall kappa mcc iou dice jaccard bleu rouge meteor
    likelihood elbo reward rewards return returns throughput speed psnr ssim improvement gain lift win wins
    explained similarity purity silhouette
"""
MAXIMIZE = frozenset(_MORE.split())
"""Words of metrics of which more is better; they matter where a name also has a word of the other kind."""

_NUMBER = re.compile(r"[0-9]+")
_WORD = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")
_NEGATED = {"neg", "negative"}
_SECONDS = {"second", "seconds", "sec", "secs", "s", "minute", "min", "hour", "ms"}
_ENDINGS = ("loss", "error")
_SPLITS = ({"test"}, {"val", "valid", "validation", "eval", "dev"})


def direction(metric: str) -> Direction:
    """Tell whether more or less of a metric is better.

    >>> direction("val/accuracy"), direction("epoch_3/val_loss"), direction("trainLoss")
    ('maximize', 'minimize', 'minimize')
    >>> direction("neg_mean_squared_error"), direction("samples_per_second"), direction("time_to_accuracy")
    ('maximize', 'maximize', 'minimize')
    """
    for part in reversed(re.split(r"[/.:\\]", metric)):
        found = _of_part(words(part))
        if found is not None:
            return found
    return "maximize"


def resolve_mode(mode: Mode, metric: str) -> Direction:
    """The direction that a call asks for; "auto" goes by the metric's name.

    Raises: ValueError: no such mode.
    """
    if mode == "auto":
        return direction(metric)
    if mode not in _MODES:
        raise ValueError(f"no mode {mode!r}; there is: 'auto' (by the metric's name), {', '.join(map(repr, _MODES))}")
    return _MODES[mode]


def words(name: str) -> list[str]:
    """The words of a name, in lower case."""
    return [word.lower() for word in _WORD.findall(name)]


def better(value: float, than: float, towards: Direction) -> bool:
    """Whether one value is better than another."""
    return value > than if towards == "maximize" else value < than


def headline(counts: Mapping[str, int]) -> str | None:
    """The metric that speaks for an experiment, of those that its runs have; None when there is none.

    Args:
        counts: metric to the number of runs that have it.
    Returns: of the metrics that most runs have, one that is no member of a series (see `series`), else the last member
        of one; of these one of the test split, else of a validation split, else any; of these one to maximize (scores
        are easier to compare than losses); of these the first by name. Metrics of the machine ("system/...") don't
        count.
    """
    own = {metric: count for metric, count in counts.items() if not metric.startswith("system/")}
    numbered = series(own)

    def place(metric: str) -> tuple[object, ...]:
        count, family = own[metric], numbered.get(metric)
        last = [-number for number in numbers(metric)] if family else []
        return -count, family is not None, _rank(metric), family or "", last, metric

    return min(own, key=place, default=None)


def series(metrics: Iterable[str]) -> dict[str, str]:
    """The metrics of which three or more differ in numbers only, as epoch_1/loss, epoch_2/loss, ... do.

    Returns: each with what they have in common, "epoch_#/loss".
    """
    common = {metric: _NUMBER.sub("#", metric) for metric in metrics}
    sizes = Counter(common.values())
    return {metric: name for metric, name in common.items() if sizes[name] > 2}


def numbers(name: str) -> list[int]:
    """The whole numbers in a name, in their order."""
    return [int(digits[:18]) for digits in _NUMBER.findall(name)]


def _rank(metric: str) -> tuple[int, bool]:
    names = set(words(metric))
    split = next((place for place, split in enumerate(_SPLITS) if names & split), len(_SPLITS) + ("train" in names))
    return split, direction(metric) == "minimize"


def _of_part(names: list[str]) -> Direction | None:
    """What one part of a name says."""
    if names and names[0] in _NEGATED:
        found = _of_part(names[1:])
        return None if found is None else "minimize" if found == "maximize" else "maximize"
    for stop in ("per", "to", "until"):
        if stop in names[1:]:
            place = names.index(stop, 1)
            of_what = _of_part(names[:place])
            return of_what or ("maximize" if stop == "per" and {*names[place + 1 :]} & _SECONDS else None)
    for word in reversed(names):
        if word in MINIMIZE or word.endswith(_ENDINGS):
            return "minimize"
        if word in MAXIMIZE:
            return "maximize"
    return None
