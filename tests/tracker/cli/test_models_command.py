"""steplog models: listed, shown, compared, promoted, tagged, deleted and exported from the command line."""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from readers.models import Models
from readers.store import Store
from tracker import ExperimentTracker

Steplog = Callable[..., Any]
X, Y = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.0], [0.0, 0.5]]), np.array([0, 1, 1, 0])


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Three versions of "churn/linear", the first in production, and one of "net"."""
    folder = tmp_path / "store"
    with ExperimentTracker(folder, "churn", auto_log=False) as tracker, tracker.start_run("first"):
        for number, accuracy in enumerate((0.75, 0.875, 0.5), 1):
            tracker.log_metrics({"accuracy": accuracy, "system/cpu_percent": 3.0})
            model = LogisticRegression(C=0.1 * number).fit(X, Y)
            tracker.log_model(model, "churn/linear", input_example=X, data=(X, Y), derived_from=number - 1 or None)
        tracker.promote("churn/linear", 1)
        tracker.log_model({"w": np.ones(3)}, "net", aliases="best")
    return folder


def entry(store: Path, version: int) -> Any:
    """All that is known of a version of the larger model."""
    return Models(Store(store).layout).entry("churn/linear", version)


def test_models_are_listed_one_line_each(steplog: Steplog, models: Path) -> None:
    """With their versions and what they are called."""
    said = steplog("models", "--store", models)
    lines = said.out.splitlines()

    assert (said.code, said.err) == (0, "")
    assert lines[0].split() == ["model", "versions", "latest", "logged", "class", "aliases"]
    assert lines[1].split()[:3] == ["churn/linear", "3", "3"]
    assert "production 1" in lines[1]
    assert "best 1" in lines[2]


def test_versions_of_a_model_are_listed_one_line_each(steplog: Steplog, models: Path) -> None:
    """With metrics and what they take; the machine's metrics are left out."""
    said = steplog("models", "--name", "churn/linear", "--store", models)
    lines = said.out.splitlines()

    assert len(lines) == 4
    assert lines[1].split()[:3] == ["1", "production", "production"]
    assert "0.875" in lines[2]
    assert "float64 (n, 2)" in lines[2]
    assert "cpu" not in said.out


def test_the_list_as_json_is_what_list_models_gives(steplog: Steplog, models: Path) -> None:
    """All versions of all models, or of one."""
    everything = json.loads(steplog("models", "--json", "--store", models).out)
    one = json.loads(steplog("models", "--json", "-n", "net", "--store", models).out)

    assert [(each["name"], each["version"]) for each in everything] == [
        *(("churn/linear", n) for n in (1, 2, 3)),
        ("net", 1),
    ]
    assert [each["aliases"] for each in one] == [["best"]]
    assert everything[1]["metrics"]["accuracy"] == 0.875


def test_an_empty_store_has_no_models(steplog: Steplog, store: Path) -> None:
    """It is said, and no error."""
    assert steplog("models", "--store", store).out == "No models.\n"
    assert json.loads(steplog("models", "--json", "--store", store).out) == []


def test_one_version_is_shown_with_where_it_comes_from(steplog: Steplog, models: Path) -> None:
    """Run, data, parents, children, history; also as JSON."""
    said = steplog("models", "show", "churn/linear", "2", "--store", models)
    told = json.loads(steplog("models", "show", "churn/linear", "production", "--json", "--store", models).out)

    assert (said.code, said.err) == (0, "")
    for text in ("first (", "made from   churn/linear 1", "parent of   churn/linear 3", "float64 (n, 2)", "history"):
        assert text in said.out
    assert (told["version"], told["run"]["run_name"], told["data"]["rows"]) == (1, "first", 4)
    assert [each["what"] for each in told["history"]] == ["logged", "tag", "alias"]


def test_versions_are_compared_with_the_best_marked(steplog: Steplog, models: Path) -> None:
    """What is the same is counted; as JSON it is all there."""
    said = steplog("models", "compare", "churn/linear", "1", "2", "--store", models)
    told = json.loads(steplog("models", "compare", "churn/linear", "--json", "--store", models).out)
    rows = {(row["kind"], row["name"]): row for row in told["rows"]}

    assert said.code == 0
    assert "0.875 *" in said.out
    assert "max_iter" not in said.out
    assert told["versions"] == [1, 2, 3]
    assert rows["metric", "accuracy"]["best"] == [2]
    assert rows["param", "C"]["values"] == {"1": 0.1, "2": 0.2, "3": pytest.approx(0.3)}
    assert rows["data", "sha256"]["differs"] is False


def test_a_metric_over_versions_is_drawn(steplog: Steplog, models: Path, tmp_path: Path) -> None:
    """As a file; without a metric it isn't known what to draw."""
    said = steplog(
        "models", "compare", "churn/linear", "-m", "accuracy", "--plot", tmp_path / "a.png", "--store", models
    )
    wrong = steplog("models", "compare", "churn/linear", "--plot", tmp_path / "b.png", "--store", models)
    suffix = steplog("models", "compare", "net", "-m", "accuracy", "--plot", tmp_path / "b.gif", "--store", models)

    assert said.code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert (wrong.code, suffix.code) == (2, 2)
    assert "--metric" in wrong.err


def test_a_version_is_promoted(steplog: Steplog, models: Path) -> None:
    """The one before is archived, or stays with --keep-existing."""
    said = steplog("models", "promote", "churn/linear", "2", "--store", models)
    told = json.loads(
        steplog(
            "models", "promote", "churn/linear", "--to", "canary", "--keep-existing", "--json", "--store", models
        ).out
    )

    assert "version 2 is 'production' now, in place of version 1; archived: 1" in said.out
    assert entry(models, 1)["tags"] == {"stage": "archived"}
    assert told == {"name": "churn/linear", "version": 3, "to": "canary", "before": None, "archived": []}
    assert entry(models, 3)["aliases"] == ["canary"]


def test_tags_are_set_and_taken_away(steplog: Steplog, models: Path) -> None:
    """KEY=VALUE, where a value may hold an equals sign too."""
    said = steplog("models", "tag", "churn/linear", "2", "stage=staging", "formula=a=b", "--store", models)
    told = steplog("models", "tag", "churn/linear", "2", "--remove", "stage", "--json", "--store", models)
    wrong = [
        steplog("models", "tag", "churn/linear", "2", *text, "--store", models) for text in (("stage",), ("=x",), ())
    ]

    assert "version 2 has formula=a=b, stage=staging" in said.out
    assert json.loads(told.out)["tags"] == {"formula": "a=b"}
    assert [each.code for each in wrong] == [2, 2, 2]


def test_an_alias_is_set_and_taken_away(steplog: Steplog, models: Path) -> None:
    """By default it means the latest."""
    said = [
        steplog("models", "alias", "churn/linear", *rest, "--store", models)
        for rest in (("best",), ("best", "1"), ("best", "--remove"), ("best", "--remove"), ("latest",), ("best", "9"))
    ]

    assert [each.code for each in said] == [0, 0, 0, 2, 2, 2]
    assert "'best' means version 1 now; it meant version 3" in said[1].out
    assert "'best' is no alias any more" in said[2].out
    assert entry(models, 1)["aliases"] == ["production"]


@pytest.mark.parametrize("answer", ["", "n\n", "\n"], ids=["end", "no", "enter"])
def test_without_a_yes_nothing_is_deleted(
    steplog: Steplog, models: Path, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks, on stderr; silence is no yes."""
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    said = steplog("models", "delete", "churn/linear", "2", "--json", "--store", models)

    assert (said.code, said.out) == (2, "")
    assert "Delete version 2 of model 'churn/linear' for good?" in said.err
    assert "nothing was deleted; --yes doesn't ask" in said.err
    assert entry(models, 2)["version"] == 2


def test_a_version_is_deleted_and_its_run_says_so(
    steplog: Steplog, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an answer or --yes; not while an alias means it."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    asked = steplog("models", "delete", "churn/linear", "3", "--store", models)
    used = steplog("models", "delete", "churn/linear", "production", "--yes", "--store", models)
    done = steplog("models", "delete", "churn/linear", "2", "--yes", "--store", models)
    again = steplog("models", "delete", "churn/linear", "2", "--yes", "--store", models)
    run = json.loads(steplog("show", "first", "--json", "--store", models).out)

    assert (asked.code, used.code, done.code, again.code) == (0, 1, 0, 2)
    assert "'production' means it" in used.err
    assert "it was deleted at" in again.err
    assert [(model["version"], "deleted" in model) for model in run["models"][:3]] == [
        (1, False),
        (2, True),
        (3, True),
    ]
    assert run["status"] == "FINISHED"
    assert "2 (deleted)" in steplog("show", "first", "--store", models).out


def test_a_version_is_exported_as_it_was_saved(steplog: Steplog, models: Path, tmp_path: Path) -> None:
    """Its file and its description; what is there is replaced only by --force, what is damaged not exported."""
    to = tmp_path / "deploy" / "here"
    done = json.loads(
        steplog("models", "export", "churn/linear", "production", "--to", to, "--json", "--store", models).out
    )
    again = steplog("models", "export", "churn/linear", "1", "--to", to, "--store", models)
    forced = steplog("models", "export", "churn/linear", "2", "--to", to, "--force", "--store", models)
    (models / "models" / "net" / "1" / "model.npz").write_bytes(b"other")
    damaged = steplog("models", "export", "net", "1", "--to", tmp_path / "net", "--store", models)

    assert (again.code, forced.code, damaged.code) == (2, 0, 1)
    assert "--force replaces it" in again.err
    assert "is damaged" in damaged.err
    assert done["path"] == str(to / "model.skops")
    assert json.loads((to / "model.json").read_text())["sha256"] == entry(models, 2)["sha256"]
    assert hashlib.sha256((to / "model.skops").read_bytes()).hexdigest() == entry(models, 2)["sha256"]
    assert sorted(path.name for path in to.iterdir()) == ["model.json", "model.skops"]
    assert not (tmp_path / "net").exists()


@pytest.mark.parametrize("command", ["show", "compare", "promote", "export", "delete"])
def test_what_is_not_there_is_said(steplog: Steplog, models: Path, command: str, tmp_path: Path) -> None:
    """A model or version that isn't there is exit code 2, and names what is there."""
    rest: list[object] = list({"export": ("--to", tmp_path / "x"), "delete": ("--yes",)}.get(command, ()))
    name = steplog("models", command, "chrun/linear", "1", *rest, "--store", models)
    version = steplog("models", command, "net", "7", *rest, "--store", models)

    assert (name.code, version.code) == (2, 2)
    assert "did you mean 'churn/linear'" in name.err
    assert "no version 7 of model 'net'; there is: 1" in version.err


def test_an_option_before_its_command_is_refused_and_not_overlooked(steplog: Steplog, models: Path) -> None:
    """Else another store would be changed than the one that was named."""
    said = steplog("models", "--store", models, "promote", "net")

    assert said.code == 2
    assert "--store stands behind 'promote'" in said.err


def test_names_from_anywhere_are_shown_and_do_nothing(steplog: Steplog, tmp_path: Path) -> None:
    """Control characters and markup in names, tags and params come out as text."""
    evil = "\x1b[31m[red]\u202egnp"
    with ExperimentTracker(tmp_path / "store", "e", auto_log=False) as tracker, tracker.start_run(evil):
        tracker.log_metrics({evil: 1.0})
        tracker.log_model({"w": np.ones(1)}, evil, aliases=evil, tags={evil: evil}, metadata={evil: evil}, data=evil)
    for command in (["--name", evil], [], ["show", evil], ["compare", evil], ["show", "nope"]):
        said = steplog("models", *command, "--store", tmp_path / "store")

        assert not {"\x1b", "\u202e"} & {*said.out, *said.err}
        assert "[red]" in said.out + said.err
