"""Which metrics tell most, and tables that fit."""

import io

from rich.console import Console

from tracker.cli.columns import Column, print_columns
from tracker.cli.screen import cell
from tracker.cli.telling import telling_metrics


def test_scores_of_the_test_split_come_first_and_times_last() -> None:
    """Those of the machine never."""
    ordered = ["test/acc", "val/acc", "val/loss", "loss", "train/acc", "train/loss", "grad_norm", "lr", "epoch_time"]

    assert telling_metrics(dict.fromkeys([*reversed(ordered), "system/cpu"], 3), 20) == ordered


def test_what_few_runs_have_comes_after_what_most_have() -> None:
    """A test score that one run in ten has tells little of the others."""
    assert telling_metrics({"test/acc": 1, "val/loss": 10, "epoch_time": 9}, 20) == [
        "val/loss",
        "epoch_time",
        "test/acc",
    ]


def test_of_many_that_differ_in_a_number_one_is_taken() -> None:
    """The last that most runs have; two are no series."""
    counts = {f"epoch_{epoch}/val_acc": 5 for epoch in range(12)} | {"epoch_12/val_acc": 1, "top1": 5, "top5": 5}

    assert telling_metrics(counts, 20) == ["top1", "top5", "epoch_11/val_acc"]


def test_so_many_at_most() -> None:
    """And none of none."""
    assert telling_metrics(dict.fromkeys("abc", 1), 2) == ["a", "b"]
    assert telling_metrics({}, 2) == []


def test_columns_without_room_are_named_below() -> None:
    """None is squeezed."""
    columns = [Column(name * 6, [cell("x" * 6)]) for name in "abcdef"]
    out = io.StringIO()
    print_columns(Console(file=out, width=24), columns)

    assert out.getvalue().split("\n")[:2] == ["aaaaaa  bbbbbb  cccccc", "xxxxxx  xxxxxx  xxxxxx"]
    assert out.getvalue().split("\n")[2] == "no room for: dddddd, "


def test_the_first_columns_are_there_in_any_case() -> None:
    """On a screen that is too narrow for anything."""
    out = io.StringIO()
    print_columns(Console(file=out, width=8), [Column("name", [cell("x" * 30)]), Column("value", [cell("1")])])

    assert "1" in out.getvalue()
