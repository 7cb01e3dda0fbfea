"""Where a model comes from and what it takes: signature, data, code, parents; and versions that older code wrote."""

import json
import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression

from ingest.errors import ModelNotFound
from tracker.experiment import ExperimentTracker
from tracker.modelorigin import data_fingerprint
from tracker.models import ModelVersion

X = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.0], [0.0, 0.5]])
Y = np.array(["no", "yes", "yes", "no"])
FRAME = pd.DataFrame(X, columns=["age", "height"])


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """Give a tracker with an active run, in a store of its own."""
    with ExperimentTracker(str(tmp_path / "store"), "test", auto_log=False, strict=True) as made:
        made.start_run("run")
        yield made


def save(tracker: ExperimentTracker, model: object = None, name: str = "m", **options: Any) -> ModelVersion:
    """Log a model that must be taken."""
    version = tracker.log_model({"w": np.ones(1)} if model is None else model, name, **options)
    assert version is not None
    return version


def signature(tracker: ExperimentTracker) -> Any:
    """The signature of the latest version."""
    return tracker.get_model_info("m")["signature"]


def columns(**dtypes: str) -> dict[str, Any]:
    """The form of a frame."""
    return {"columns": [{"name": name, "dtype": dtype} for name, dtype in dtypes.items()]}


# --- what it takes and gives


@pytest.mark.parametrize(
    ("example", "inputs"),
    [
        (FRAME, columns(age="float64", height="float64")),
        (pl.DataFrame(FRAME), columns(age="Float64", height="Float64")),
        (X, {"dtype": "float64", "shape": [None, 2]}),
        (X.tolist(), {"dtype": "float64", "shape": [None, 2]}),
    ],
    ids=["pandas", "polars", "array", "list"],
)
def test_the_signature_is_told_by_an_example(example: Any, inputs: Any, tracker: ExperimentTracker) -> None:
    """Inputs by its form, outputs by what the model predicts for a few of its rows."""
    given = example if hasattr(example, "columns") else X
    save(tracker, LogisticRegression().fit(given, Y), input_example=example)

    found = signature(tracker)
    assert found["inputs"] == inputs
    assert found["outputs"]["shape"] == [None]
    assert found["outputs"]["dtype"] in {"object", "str"}


def test_a_signature_may_be_given(tracker: ExperimentTracker) -> None:
    """As dtypes by column, as examples, or as forms."""
    save(tracker, signature={"inputs": {"age": "int64", "name": str}, "outputs": np.ones((3, 4), np.float32)})
    assert signature(tracker) == {
        "inputs": columns(age="int64", name="str"),
        "outputs": {"dtype": "float32", "shape": [None, 4]},
    }

    save(tracker, signature={"inputs": {"shape": [None, 3], "dtype": "int8"}, "outputs": "int64"})
    assert signature(tracker)["inputs"] == {"shape": [None, 3], "dtype": "int8"}
    save(tracker, input_example={"ids": np.ones((2, 8), int), "mask": X})
    assert set(signature(tracker)["inputs"]["parts"]) == {"ids", "mask"}
    save(tracker)
    assert signature(tracker) is None


@pytest.mark.parametrize("wrong", ["int64", {}, {"input": X}, [X]])
def test_what_is_no_signature_is_refused_before_anything_is_saved(wrong: Any, tracker: ExperimentTracker) -> None:
    """It says what one is."""
    with pytest.raises((TypeError, ValueError), match="a signature"):
        save(tracker, signature=wrong)

    assert tracker.list_models() == []


class Moody(BaseEstimator):  # type: ignore[misc] # sklearn ships no types
    """An estimator that doesn't predict."""

    def predict(self, X: Any) -> Any:
        """Fail."""
        raise RuntimeError("not today")


def test_a_model_that_cannot_predict_its_example_is_saved_all_the_same(
    tracker: ExperimentTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """Its outputs aren't known, and why is said."""
    with caplog.at_level(logging.WARNING, "steplog"):
        save(tracker, Moody(), input_example=X)

    assert signature(tracker) == {"inputs": {"dtype": "float64", "shape": [None, 2]}, "outputs": None}
    assert "not today" in caplog.text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (FRAME, ""),
        (FRAME.astype("float32"), ""),
        (X, ""),
        (FRAME[["age"]], "lacks 'height'"),
        (FRAME.assign(more=1), "has 'more' too"),
        (FRAME[["height", "age"]], "in another order; expected are 'age', 'height'"),
        (FRAME.assign(age=["a", "b", "c", "d"]), "column 'age': .*expected is float64"),
        (X[:, :1], "no table of 2 columns"),
    ],
)
def test_an_input_is_compared_with_the_signature_before_the_model_is_loaded(
    given: Any, said: str, tracker: ExperimentTracker
) -> None:
    """Names, order, kinds of dtype, shape; how many rows doesn't matter."""
    save(tracker, LogisticRegression().fit(FRAME, Y), input_example=FRAME)

    if not said:
        assert tracker.load_model("m", check_input=given).predict(FRAME)[0] == "no"
        return
    with pytest.raises(ValueError, match=f"check_input isn't what model 'm' version 1 takes: .*{said}"):
        tracker.load_model("m", check_input=given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (X, ""),
        (X.astype("int64"), ""),
        (X[:, :1], r"its shape is \(n, 1\), expected is \(n, 2\)"),
        ([["a", "b"]], "str"),
    ],
)
def test_an_array_is_compared_by_shape_and_kind(given: Any, said: str, tracker: ExperimentTracker) -> None:
    """Likewise; and a model without a signature can't be compared with."""
    save(tracker, LogisticRegression().fit(X, Y), input_example=X)
    save(tracker, name="unknown")

    if said:
        with pytest.raises(ValueError, match=said):
            tracker.load_model("m", check_input=given)
    else:
        tracker.load_model("m", check_input=given)
    with pytest.raises(ValueError, match="model 'unknown' version 1 has no signature"):
        tracker.load_model("unknown", check_input=X)


# --- what it was trained on


def test_the_same_data_has_the_same_fingerprint_and_other_data_another() -> None:
    """By content, dtype and order; rows and columns are told."""
    arrays = [
        X,
        X.astype("float32"),
        X[::-1],
        X[:, :1],
        (X, Y),
        (X, Y[[1, 0, 2, 3]]),
        np.array([Y, Y]),
        sparse.csr_matrix(X),
    ]
    frames = [FRAME, FRAME.rename(columns={"age": "a"}), FRAME.astype("float32"), pl.DataFrame(FRAME), FRAME["age"]]
    told: list[Any] = [data_fingerprint(data) for data in (*arrays, *frames)]
    again: list[Any] = [data_fingerprint(data) for data in (X.copy(order="F"), FRAME.copy(), pl.DataFrame(FRAME))]

    assert len({each["sha256"] for each in told}) == len(told)
    assert [each["sha256"] for each in again] == [told[0]["sha256"], told[8]["sha256"], told[11]["sha256"]]
    assert [(each["rows"], each["columns"]) for each in told[:4]] == [(4, 2), (4, 2), (4, 2), (4, 1)]
    assert told[8]["names"] == ["age", "height"]


def test_a_fingerprint_may_be_given() -> None:
    """As somebody made it: a dict, a SHA-256, a name."""
    assert data_fingerprint({"rows": 3, "sha256": "ab"}) == {"rows": 3, "sha256": "ab"}
    assert data_fingerprint("A" * 64) == {"sha256": "a" * 64}
    assert data_fingerprint("titanic v2") == {"name": "titanic v2"}
    assert data_fingerprint(None) is None


@pytest.mark.parametrize("data", [np.array([object()]), object(), [object()]])
def test_data_without_content_is_refused_before_anything_is_saved(data: Any, tracker: ExperimentTracker) -> None:
    """What is told apart by its address can't be told apart."""
    with pytest.raises(TypeError, match="data can't be told apart by its content"):
        save(tracker, data=data)

    assert tracker.list_models() == []


def test_data_of_the_runs_search_stands_for_what_the_save_was_not_told(tracker: ExperimentTracker) -> None:
    """Of the last search that was told its data; what the save was told goes before it."""
    from tracker.automl.search import Search

    for sha256 in ("aa", "bb"):
        Search(tracker, "accuracy", data={"rows": 4, "columns": 2, "sha256": sha256}).end()
    save(tracker)
    save(tracker, data=X)

    assert tracker.get_model_lineage("m", 1)["data"]["sha256"] == "bb"  # type: ignore[index]
    assert tracker.get_model_lineage("m", 2)["data"] == data_fingerprint(X)


# --- where it comes from


def test_the_lineage_leads_back_to_run_params_metrics_and_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code is that of the folder in which the run was started, as git told it."""
    repository = tmp_path / "code"
    repository.mkdir()
    monkeypatch.chdir(repository)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q", "-b", "trunk"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *author, *command], check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    with ExperimentTracker(str(tmp_path / "store"), "test", strict=True) as tracker:
        tracker.start_run("run", params={"lr": 0.5})
        tracker.log_metrics({"accuracy": 0.75})
        save(tracker, LogisticRegression().fit(X, Y))
        tracker.log_metrics({"accuracy": 0.875})
        tracker.end_run()
        lineage = tracker.get_model_lineage("m")

    assert lineage["run"] is not None
    assert (lineage["run"]["run_name"], lineage["run"]["status"]) == ("run", "FINISHED")
    assert lineage["run_params"]["lr"] == 0.5
    assert lineage["metrics"]["accuracy"] == 0.75
    assert lineage["code"] == {"commit": commit, "branch": "trunk", "dirty": False, "remote": None}
    assert {"python", "sklearn", "skops", "numpy"} <= lineage["packages"].keys()


def test_parents_and_children_are_told(tracker: ExperimentTracker) -> None:
    """The line back to the first, over names, and also over one that is deleted."""
    first = save(tracker, name="base")
    save(tracker, derived_from=first)
    save(tracker, derived_from=1, aliases="best")
    save(tracker, derived_from="best")
    save(tracker, name="other", derived_from=("m", "best"))
    tracker.delete_model("m", 1)

    lineage = tracker.get_model_lineage("m", 3)
    assert [(one["name"], one["version"], one["deleted"]) for one in lineage["parents"]] == [
        ("m", 2, False),
        ("m", 1, True),
        ("base", 1, False),
    ]
    children = tracker.get_model_lineage("m", 2)["children"]
    assert [(one["name"], one["version"]) for one in children] == [("m", 3), ("other", 1)]


@pytest.mark.parametrize(
    ("parent", "error"), [(7, ModelNotFound), ("nope", ModelNotFound), (1.5, TypeError), ((1, 2), TypeError)]
)
def test_a_parent_that_is_not_there_is_refused_before_anything_is_saved(
    parent: Any, error: type[Exception], tracker: ExperimentTracker
) -> None:
    """It says which there are, or what can be given."""
    save(tracker)

    with pytest.raises(error):
        save(tracker, derived_from=parent)
    assert len(tracker.list_models("m")) == 1


def test_a_version_that_older_code_wrote_is_listed_loaded_and_compared(tracker: ExperimentTracker) -> None:
    """It has no signature, data or parent, and nobody knows who logged it."""
    version = save(tracker, input_example=X, data=X, tags={"stage": "staging"})
    save(tracker, data=X)
    info = version.path.parent / "model.json"
    content = json.loads(info.read_text())
    info.write_text(
        json.dumps({k: v for k, v in content.items() if k not in {"name", "signature", "data", "derived_from", "by"}})
    )

    (old, _) = tracker.list_models("m")
    assert (old["name"], old["signature"], old["data"], old["derived_from"]) == ("m", None, None, None)
    assert tracker.load_model("m", 1)["w"] == [1]
    assert tracker.get_model_lineage("m", 1)["parents"] == []
    assert tracker.compare_versions("m").versions == (1, 2)
    assert tracker.get_model_history("m")[0]["by"] == ""


def test_a_model_of_a_run_that_the_store_lacks_is_told_without_it(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """As where somebody copied the models alone."""
    save(tracker)
    with ExperimentTracker(str(tmp_path / "other"), "test", auto_log=False) as other:
        (tracker.layout.models).rename(other.layout.models)
        lineage = other.get_model_lineage("m")

        assert (lineage["run"], lineage["code"], lineage["run_params"]) == (None, None, {})
        assert lineage["model"]["run_id"] == tracker._last_run_id


def test_a_secret_in_the_name_of_data_is_masked(tracker: ExperimentTracker) -> None:
    """Where data lies is told with its address, and that may have a password in it."""
    version = save(tracker, data="postgres://anna:hunter22@db/churn")
    save(tracker, data={"name": "churn", "password": "hunter22"})

    assert tracker.get_model_info("m", 1)["data"] == {"name": "postgres://***@db/churn"}
    assert tracker.get_model_info("m", 2)["data"] == {"name": "churn", "password": "***"}
    for file in version.path.parents[1].rglob("*.json"):
        assert "hunter22" not in file.read_text()
