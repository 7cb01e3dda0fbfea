"""Models: versions that are whole, names that lead to them, and no code run by loading one."""

import json
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from ingest.errors import ModelNotFound, ModelNotSerializable, NoActiveRun, SegmentCorrupt, UntrustedModel
from ingest.layout import Layout
from tracker.experiment import ExperimentTracker
from tracker.modelregistry import ModelRegistry
from tracker.models import ModelVersion

X, y = make_classification(60, n_features=5, random_state=0)


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """Give a tracker with an active run, in a store of its own."""
    with ExperimentTracker(str(tmp_path / "store"), "test", auto_log=False, strict=True) as made:
        made.start_run("run")
        yield made


def logistic() -> LogisticRegression:
    """Fit something small."""
    return LogisticRegression(C=0.5).fit(X, y)


def save(tracker: ExperimentTracker, model: object, name: str = "model", **options: Any) -> ModelVersion:
    """Log a model that must be taken."""
    version = tracker.log_model(model, name, **options)
    assert version is not None
    return version


estimators: list[Callable[[], Any]] = [
    logistic,
    lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y),
    lambda: make_pipeline(FunctionTransformer(np.abs), LogisticRegression()).fit(X, y),
]


@pytest.mark.parametrize("make", estimators, ids=["linear", "pipeline", "function"])
def test_an_estimator_is_saved_without_pickle_and_predicts_the_same(
    make: Callable[[], Any], tracker: ExperimentTracker
) -> None:
    """It is held by skops, and loading it needs no trust."""
    model = make()

    version = save(tracker, model)
    assert (version.name, version.version, version.format) == ("model", 1, "skops")
    assert version.path.is_file()
    np.testing.assert_array_equal(tracker.load_model("model").predict(X), model.predict(X))


def test_arrays_are_a_model(tracker: ExperimentTracker) -> None:
    """A dict of them is kept as .npz, and comes back as one."""
    version = save(tracker, {"w": np.eye(2), "b": np.float32(0.5)})

    loaded = tracker.load_model("model")
    assert version.format == "numpy"
    np.testing.assert_array_equal(loaded["w"], np.eye(2))
    assert loaded["b"] == 0.5


class Custom:
    """A model of a user's own."""

    def __init__(self, bias: float) -> None:
        self.bias = bias


class Estimator(BaseEstimator):  # type: ignore[misc] # sklearn ships no types
    """An estimator of a user's own, with a lambda that skops can't hold."""

    def __init__(self, transform: Any = None) -> None:
        self.transform = transform


@pytest.mark.parametrize(
    "model", [Custom(0.5), lambda x: x + 1, Estimator(lambda x: x)], ids=["own", "lambda", "mixed"]
)
def test_what_only_a_pickle_can_hold_needs_trust_to_be_loaded(model: object, tracker: ExperimentTracker) -> None:
    """It is saved and marked as pickle; loading says why it refuses, and how not to."""
    version = save(tracker, model, "own")

    assert version.format == "pickle"
    with pytest.raises(UntrustedModel, match=r"as it is a pickle.*load_model\('own', trust=True\)"):
        tracker.load_model("own")
    loaded = tracker.load_model("own", trust=True)
    assert type(loaded).__qualname__ == type(model).__qualname__


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("harm",)


def test_a_pickle_is_not_even_opened_without_trust(
    tracker: ExperimentTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hostile code in it stays where it is."""
    monkeypatch.chdir(tmp_path)
    save(tracker, Evil(), "evil")

    with pytest.raises(UntrustedModel):
        tracker.load_model("evil")
    assert not (tmp_path / "harm").exists()


def test_untrusted_types_are_named(tracker: ExperimentTracker) -> None:
    """A type outside skops' trusted set is named, in the error as in the list of models, with the way out."""
    model = KNeighborsClassifier().fit(X, y)
    save(tracker, model, "knn")

    with pytest.raises(UntrustedModel, match=r"'knn'.*KDTree.*trust=True"):
        tracker.load_model("knn")
    assert any("KDTree" in part for part in tracker.list_models("knn")[0]["untrusted"])
    np.testing.assert_array_equal(tracker.load_model("knn", trust=True).predict(X), model.predict(X))


@pytest.mark.parametrize("make", [threading.Lock, lambda: (i for i in [1]), lambda: Estimator(threading.Lock())])
def test_a_model_that_cannot_be_saved_is_a_clear_error_and_the_run_goes_on(
    make: Any, tracker: ExperimentTracker
) -> None:
    """The error names class and reason; no version appears, no scratch file is left."""
    with pytest.raises(
        ModelNotSerializable, match=r"model 'broken' of class .* can't be saved \(.*pickle: TypeError.*The run goes on"
    ):
        tracker.log_model(make(), "broken")

    tracker.log_text("still here", "after.txt")
    assert tracker.list_models() == []
    assert list(tracker.layout.tmp.iterdir()) == []


def test_each_log_is_the_next_version(tracker: ExperimentTracker) -> None:
    """Numbers go up across runs and trackers, and names don't disturb each other."""
    numbers = [save(tracker, {"w": np.array([i])}, "m").version for i in range(3)]
    tracker.end_run()
    tracker.start_run("another")

    assert numbers == [1, 2, 3]
    assert save(tracker, {"w": np.array([9])}, "m").version == 4
    assert save(tracker, {"w": np.array([9])}, "other").version == 1
    assert [tracker.load_model("m", n)["w"][0] for n in (1, 2, 3, 4, None, "latest", "2")] == [0, 1, 2, 9, 9, 9, 1]


def test_versions_are_unique_under_many_writers(tmp_path: Path) -> None:
    """Eight threads that publish at once get eight numbers, none twice, none left out."""
    registry = ModelRegistry(Layout(tmp_path))
    info: Any = {"format": "numpy", "file": "f", "sha256": "", "class_name": ""}

    def write(folder: Path) -> Any:
        (folder / "f").write_bytes(b"x")
        return info

    threads = [threading.Thread(target=lambda: [registry.publish("m", write) for _ in range(5)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert registry.versions("m") == list(range(1, 41))


def test_a_crash_while_saving_leaves_no_version(tmp_path: Path) -> None:
    """Whenever writing ends early, no number is taken, and the next save gets it."""
    layout = Layout(tmp_path)
    registry = ModelRegistry(layout)

    def crash(folder: Path) -> Any:
        (folder / "model.bin").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        registry.publish("m", crash)
    assert registry.names() == []
    assert list(layout.tmp.iterdir()) == []
    (layout.models / "m").mkdir(parents=True)  # what a crash between the two steps of a claim could leave
    assert registry.names() == []


def test_an_alias_moves_to_the_version_it_is_set_to(tracker: ExperimentTracker) -> None:
    """At the save or later; the list shows it, and its history is in the facts."""
    save(tracker, {"w": np.array([1])}, aliases=["best", "prod"])
    save(tracker, {"w": np.array([2])}, aliases=["best"])
    tracker.set_model_alias("model", "prod", 2)
    tracker.set_model_alias("model", "old/é", "1")

    assert tracker.load_model("model", "best")["w"] == tracker.load_model("model", "prod")["w"] == [2]
    assert [sorted(entry["aliases"]) for entry in tracker.list_models()] == [["old/é"], ["best", "prod"]]
    facts: Any = tracker._store().facts().collect()
    assert {"model@prod", "model@old/é"} == {row["key"] for row in facts.to_dicts() if row["kind"] == "alias"}


def test_an_alias_is_set_without_a_run(tracker: ExperimentTracker) -> None:
    """Promoting a model is done later, by somebody who trains nothing."""
    save(tracker, {"w": np.array([1])})
    tracker.end_run()
    tracker.set_model_alias("model", "best")

    assert tracker.load_model("model", "best")["w"] == [1]
    with pytest.raises(NoActiveRun):
        tracker.log_model({"w": np.array([1])})


@pytest.mark.parametrize("alias", ["latest", "3", "", " "])
def test_an_alias_that_already_means_something_is_refused(alias: str, tracker: ExperimentTracker) -> None:
    """A number is a version, and the latest is the latest."""
    save(tracker, {"w": np.array([1])})

    with pytest.raises(ValueError, match="can't be an alias"):
        tracker.set_model_alias("model", alias, 1)
    with pytest.raises(TypeError):
        tracker.set_model_alias("model", None, 1)  # type: ignore[arg-type]


def test_what_is_not_there_is_reported_with_what_is(tracker: ExperimentTracker) -> None:
    """Unknown names, numbers and aliases are lookup errors; asking creates nothing."""
    save(tracker, {"w": np.array([1])}, "forest", aliases=["best"])

    with pytest.raises(ModelNotFound, match=r"no model 'forrest'; did you mean 'forest'"):
        tracker.load_model("forrest")
    with pytest.raises(ModelNotFound, match=r"^no version 2 of model 'forest'; there is: 1$"):
        tracker.load_model("forest", 2)
    with pytest.raises(ModelNotFound, match=r"^no version 7 of model 'forest'; there is: 1$"):
        tracker.load_model("forest", "7")
    with pytest.raises(ModelNotFound, match=r"no version of model 'forest' named 'bset'; did you mean 'best'"):
        tracker.load_model("forest", "bset")
    with pytest.raises(ModelNotFound):
        tracker.set_model_alias("forest", "prod", 7)
    with pytest.raises(ModelNotFound):
        tracker.list_models("nothing")
    with pytest.raises(TypeError, match="bool"):
        tracker.load_model("forest", True)  # noqa: FBT003
    assert sorted(path.name for path in tracker.layout.models.iterdir()) == ["forest"]


@pytest.mark.parametrize("name", ["../m", "/m", "a/../m", "", ".", "m\\n", "C:m", "a\0", "x" * 300])
def test_a_name_that_leads_elsewhere_is_refused(name: str, tracker: ExperimentTracker, tmp_path: Path) -> None:
    """For saving, loading and aliases; nothing appears on the disk."""
    for call in (
        lambda: tracker.log_model({"w": np.array([1])}, name),
        lambda: tracker.load_model(name),
        lambda: tracker.set_model_alias(name, "a", 1),
    ):
        with pytest.raises(ValueError, match="is refused as model name"):
            call()
    assert not tracker.layout.models.exists()


def test_names_with_folders_and_numbers_stay_apart(tracker: ExperimentTracker) -> None:
    """A model "m/1" isn't version 1 of the model "m"."""
    for name in ("m", "m/1", "é/con.txt", "aliases", "1"):
        save(tracker, {"w": np.array([1])}, name)

    assert sorted({entry["name"] for entry in tracker.list_models()}) == sorted(
        ["m", "m/1", "é/con.txt", "aliases", "1"]
    )
    assert all(entry["version"] == 1 for entry in tracker.list_models())


def test_a_name_that_looks_like_a_cut_one_has_a_folder_of_its_own(tracker: ExperimentTracker) -> None:
    """It lies in no other model's version, and is in the list."""
    names = ["churn", "churn/1/x~0123456789abcdef", "y~0123456789abcdef"]
    for name in names:
        saved = save(tracker, {"w": np.zeros(2)}, name)
        assert saved.path.parents[1].parent == tracker.layout.models

    assert [entry["name"] for entry in tracker.list_models()] == names


def test_the_list_says_where_a_model_comes_from(tracker: ExperimentTracker) -> None:
    """Format, class, run, metrics and params at the save, input, packages; metadata without its secrets."""
    tracker.log_metrics({"accuracy": 0.5, "loss": float("nan")})
    tracker.log_metrics({"accuracy": 0.75})
    frame = pd.DataFrame(X, columns=list("abcde"))
    save(tracker, logistic(), metadata={"note": "x", "password": "hunter2"}, input_example=frame)

    (entry,) = tracker.list_models("model")
    assert entry["class_name"] == "sklearn.linear_model._logistic.LogisticRegression"
    assert (entry["run_id"], entry["experiment"]) == (tracker._last_run_id, "test")
    assert entry["metrics"]["accuracy"] == 0.75
    assert entry["params"]["C"] == 0.5
    assert entry["metadata"] == {"note": "x", "password": "***"}
    assert entry["input_example"]["columns"] == list("abcde")
    assert entry["input_example"]["shape"] == [60, 5]
    assert len(entry["input_example"]["rows"]["a"]) == 5
    assert entry["packages"]["sklearn"]
    assert entry["untrusted"] == []
    assert (entry["size"], entry["format"]) == (os.path.getsize(save(tracker, logistic()).path), "skops")  # noqa: PTH202


def test_the_params_of_an_estimator_are_logged_with_auto_log(tmp_path: Path) -> None:
    """Under the model's name, those of a pipeline's steps too, the steps themselves not; never without auto_log."""
    with ExperimentTracker(str(tmp_path / "store"), "test", auto_log=True, strict=True) as tracker:
        tracker.start_run("run")
        save(tracker, make_pipeline(StandardScaler(), LogisticRegression(C=0.5)), "pipe")

        facts: Any = tracker._store().facts().collect()
        params = {row["key"]: json.loads(row["value"]) for row in facts.to_dicts() if row["kind"] == "param"}
        assert params["pipe.logisticregression__C"] == 0.5
        assert params["pipe.standardscaler__with_mean"] is True
        assert not {"pipe.steps", "pipe.logisticregression"} & params.keys()
        tracker.auto_log = False
        save(tracker, logistic(), "quiet")
        assert not any(
            row["key"].startswith("quiet.")
            for row in tracker._store().facts().collect().to_dicts()
            if row["kind"] == "param"
        )


class HostileParams(BaseEstimator):  # type: ignore[misc] # sklearn ships no types
    """An estimator that can't tell its params."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Fail."""
        raise RuntimeError("no params today")


def test_an_estimator_that_cannot_tell_its_params_is_saved_all_the_same(tracker: ExperimentTracker) -> None:
    """The list says what failed."""
    save(tracker, HostileParams())

    assert tracker.list_models()[0]["params"] == {"get_params failed": "RuntimeError('no params today')"}


@pytest.mark.parametrize("harm", ["change", "remove", "link", "info", "info gone", "info escapes", "format"])
def test_a_damaged_model_is_reported_and_not_loaded(harm: str, tracker: ExperimentTracker, tmp_path: Path) -> None:
    """Checksum first: trust=True is trust in who wrote it, not in what the disk made of it."""
    version = save(tracker, Evil(), "m")
    info = version.path.parent / "model.json"
    data = version.path.read_bytes()
    if harm == "change":
        version.path.write_bytes(data + b"!")
    elif harm in {"remove", "link"}:
        version.path.rename(tmp_path / "elsewhere")
        if harm == "link":
            version.path.symlink_to(tmp_path / "elsewhere")
    elif harm == "info gone":
        info.unlink()
    else:
        content = json.loads(info.read_text())
        content |= {"info escapes": {"file": "../../../../elsewhere"}, "format": {"format": "exec"}}.get(harm, {})
        info.write_text("{" if harm == "info" else json.dumps(content))

    with pytest.raises(ValueError if harm == "format" else SegmentCorrupt, match=r"m"):
        tracker.load_model("m", trust=True)


def test_a_damaged_version_leaves_the_others_in_the_list(
    tracker: ExperimentTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """It is reported and left out; foreign files in the folder are ignored."""
    broken = save(tracker, {"w": np.array([1])}, "m", aliases=["old"])
    save(tracker, {"w": np.array([2])}, "m")
    (broken.path.parent / "model.json").write_text("{")
    (tracker.layout.models / ".DS_Store").write_text("")
    (tracker.layout.models / "m" / "notes.txt").write_text("")
    (tracker.layout.models / "m" / "aliases" / "bad.json").write_text("[]")

    assert [entry["version"] for entry in tracker.list_models()] == [2]
    assert tracker.load_model("m")["w"] == [2]
    assert any("model.json of model 'm' version 1" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    "harm", [{"metrics": None}, {"metrics": {"accuracy": "high"}}, {"time_ns": "now"}, {"params": []}, {"run_id": 5}]
)
def test_a_description_of_the_wrong_kinds_costs_one_version_and_no_list(
    harm: dict[str, Any], tracker: ExperimentTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """It is JSON, but not what readers count on: the version is named and left out."""
    file = save(tracker, {"w": np.zeros(2)}).path.with_name("model.json")
    tracker.log_metrics({"accuracy": 0.5})
    save(tracker, {"w": np.ones(2)})
    file.write_text(json.dumps({**json.loads(file.read_text()), **harm}))

    assert [entry["version"] for entry in tracker.list_models("model")] == [2]
    assert "model.json of model 'model' version 1 can't be read" in caplog.text
    np.testing.assert_array_equal(tracker.load_model("model", "best", metric="accuracy")["w"], np.ones(2))
    assert [change["version"] for change in tracker.get_model_history("model")] == [2]
    with pytest.raises(SegmentCorrupt, match="can't be read"):
        tracker.load_model("model", 1)


def test_a_time_that_no_calendar_has_is_not_known(tracker: ExperimentTracker) -> None:
    """The list and the history go on."""
    file = save(tracker, {"w": np.zeros(2)}).path.with_name("model.json")
    file.write_text(json.dumps({**json.loads(file.read_text()), "time_ns": 10**30}))

    assert tracker.list_models("model")[0]["time"].year == 1970
    assert tracker.get_model_history("model")[0]["time"].year == 1970


def test_a_loader_makes_only_the_classes_of_its_format(tracker: ExperimentTracker) -> None:
    """A class name in a poisoned model.json leads to no other class."""
    version = save(tracker, {"w": np.array([1])}, "m")
    info = version.path.parent / "model.json"
    content = json.loads(info.read_text())
    info.write_text(json.dumps(content | {"format": "xgboost", "class_name": "os.system"}))

    with pytest.raises((ValueError, ImportError), match=r"'os.system' is no class|xgboost"):
        tracker.load_model("m")


def test_files_are_their_owners_only(tracker: ExperimentTracker) -> None:
    """Also what a library wrote with the process's own umask."""
    version = save(tracker, logistic(), aliases=["best"])

    home = version.path.parent.parent
    modes = {path.name: path.stat().st_mode & 0o777 for path in home.rglob("*") if path.parent.name != "history"}
    assert modes == {
        "1": 0o700,
        "model.skops": 0o600,
        "model.json": 0o600,
        "aliases": 0o700,
        "best.json": 0o600,
        "history": 0o700,
    }
    assert [path.stat().st_mode & 0o777 for path in (home / "history").iterdir()] == [0o600]


def test_a_full_disk_does_not_stop_the_training(tmp_path: Path) -> None:
    """The model is lost and said to be; the run goes on."""
    with ExperimentTracker(str(tmp_path / "store"), auto_log=False) as tracker:
        tracker.start_run()
        (tmp_path / "store" / "models").write_bytes(b"a file where the folder should be")

        assert tracker.log_model({"w": np.array([1])}) is None
        assert tracker.list_models() == []


def test_a_model_of_a_run_is_a_fact_of_it(tracker: ExperimentTracker) -> None:
    """The event tells name, version, format, and the file below the store."""
    version = save(tracker, logistic(), "churn/forest")

    row = next(row for row in tracker._store().facts().collect().to_dicts() if row["kind"] == "model")
    value = json.loads(row["value"])
    assert (row["key"], value["version"]) == ("churn/forest", 1)
    assert version.path == tracker.layout.models / "churn%2Fforest" / "1" / "model.skops"


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_a_boosters_own_format_is_used(library: str, tracker: ExperimentTracker) -> None:
    """Where the library is installed: native files, loaded without trust, predicting the same."""
    module = pytest.importorskip(library)
    model = {
        "xgboost": lambda: module.XGBClassifier(n_estimators=3),
        "lightgbm": lambda: module.LGBMClassifier(n_estimators=3, verbose=-1),
        "catboost": lambda: module.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False),
    }[library]().fit(X, y)
    if library == "lightgbm":
        model = model.booster_

    assert save(tracker, model).format == library
    np.testing.assert_allclose(tracker.load_model("model").predict(X), model.predict(X), rtol=1e-6)


def test_a_torch_module_is_saved_as_its_state(tracker: ExperimentTracker) -> None:
    """Shared tensors included; the state dict comes back without trust, and fits the module."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    module = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 3))
    module[1].weight = module[0].weight

    assert save(tracker, module).format == "safetensors"
    state = tracker.load_model("model")
    module.load_state_dict(state)
    assert save(tracker, state).version == 2


def test_the_pickle_in_an_old_store_is_checked_too(tracker: ExperimentTracker) -> None:
    """A version whose file was swapped for a pickle of somebody else is damaged, whatever it is called."""
    version = save(tracker, logistic())
    version.path.write_bytes(pickle.dumps(Evil()))

    with pytest.raises(SegmentCorrupt, match="is damaged"):
        tracker.load_model("model")


def test_a_forest_is_loaded_without_trust(tracker: ExperimentTracker) -> None:
    """The specification's model: its trees are looked at, so nobody has to vouch for all else in the file."""
    forest = RandomForestClassifier(5, random_state=0).fit(X, y)

    assert save(tracker, forest, "random_forest_model").format == "skops"
    np.testing.assert_array_equal(tracker.load_model("random_forest_model").predict(X), forest.predict(X))
    assert tracker.list_models()[0]["untrusted"] == []


def test_a_hostile_forest_is_not_handed_out(tracker: ExperimentTracker) -> None:
    """Its file is as it was saved, but its trees lead out of their memory."""
    forest = RandomForestClassifier(5, random_state=0).fit(X, y)
    forest.n_features_in_ = 1
    save(tracker, forest)

    with pytest.raises(UntrustedModel, match="a forest and its trees expect different features"):
        tracker.load_model("model")
    assert tracker.load_model("model", trust=True).n_features_in_ == 1


@pytest.mark.parametrize(
    "model",
    [
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=3),
        VotingClassifier([("forest", RandomForestClassifier(3)), ("linear", LogisticRegression())]),
        CalibratedClassifierCV(RandomForestClassifier(3), cv=2),
        MLPClassifier((4,), max_iter=400, tol=1.0, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_what_holds_other_estimators_is_loaded_without_trust(model: Any, tracker: ExperimentTracker) -> None:
    """Searches, votes, calibrations: scikit-learn's plain holders are no danger."""
    save(tracker, model.fit(X, y), "holder")

    np.testing.assert_array_equal(tracker.load_model("holder").predict(X), model.predict(X))


def test_boosting_says_why_it_needs_trust(tracker: ExperimentTracker) -> None:
    """In the list already, when it is saved."""
    model = GradientBoostingClassifier(n_estimators=2).fit(X, y)
    save(tracker, model)

    reason = "GradientBoostingClassifier hands rows to its trees unchecked"
    assert tracker.list_models()[0]["untrusted"] == [reason]
    with pytest.raises(UntrustedModel, match=reason):
        tracker.load_model("model")
    np.testing.assert_array_equal(tracker.load_model("model", trust=True).predict(X), model.predict(X))


def test_a_version_that_is_not_there_is_reported_with_those_there_are(tracker: ExperimentTracker) -> None:
    """By loading and by setting an alias alike."""
    for _ in range(2):
        save(tracker, {"w": np.array([1])}, "rf")

    with pytest.raises(ModelNotFound, match=r"^no version 9 of model 'rf'; there is: 1, 2$"):
        tracker.load_model("rf", 9)
    with pytest.raises(ModelNotFound, match=r"^no version 9 of model 'rf'; there is: 1, 2$"):
        tracker.set_model_alias("rf", "best", 9)


def test_a_text_is_one_alias(tracker: ExperimentTracker) -> None:
    """It isn't taken letter by letter."""
    save(tracker, {"w": np.array([1])}, "rf", aliases="best")

    assert tracker.list_models("rf")[0]["aliases"] == ["best"]


@pytest.mark.parametrize(
    ("aliases", "error"), [(["best", "latest"], ValueError), (["a", "3"], ValueError), ([None], TypeError)]
)
def test_a_wrong_alias_is_refused_before_anything_is_saved(
    aliases: Any, error: type[Exception], tracker: ExperimentTracker
) -> None:
    """No version is left without the aliases that it was to have."""
    with pytest.raises(error, match="alias"):
        tracker.log_model({"w": np.array([1])}, "rf", aliases=aliases)

    assert tracker.list_models() == []


def test_a_refused_model_name_is_told_of_models(tracker: ExperimentTracker) -> None:
    """Neither a run's folder nor a picture is in the message; the example is a model's."""
    for name, message in (
        ("../m", r"^'\.\./m' is refused as model name: '\.\.' leads out of the models' folder; .* 'churn/forest'$"),
        ("", r"'churn/forest'$"),
    ):
        with pytest.raises(ValueError, match=message):
            tracker.log_model({"w": np.array([1])}, name)
    with pytest.raises(TypeError, match=r"^name is a str such as 'churn/forest', not int$"):
        tracker.log_model({"w": np.array([1])}, 3)  # type: ignore[arg-type]
