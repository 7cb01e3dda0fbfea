"""Models of other libraries, with the libraries themselves: what is loaded without trust, and what isn't."""

import os
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from ingest.errors import SegmentCorrupt, UntrustedModel
from tracker.experiment import ExperimentTracker
from tracker.modelformats import FORMATS
from tracker.models import ModelVersion
from tracker.treecheck import unsound_tree

X, Y = make_classification(60, n_features=5, random_state=0)


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """Give a tracker with an active run, in a store of its own."""
    with ExperimentTracker(str(tmp_path / "store"), "test", auto_log=False, strict=True) as made:
        made.start_run("run")
        yield made


def save(tracker: ExperimentTracker, model: object, **options: Any) -> ModelVersion:
    """Log a model that must be taken."""
    version = tracker.log_model(model, "m", **options)
    assert version is not None
    return version


def lightgbm(kind: str = "LGBMClassifier", **options: Any) -> Any:
    """An estimator of LightGBM's."""
    module = pytest.importorskip("lightgbm")
    return getattr(module, kind)(n_estimators=3, verbose=-1, n_jobs=1, **options)


def xgboost(kind: str = "XGBClassifier", **options: Any) -> Any:
    """An estimator of XGBoost's."""
    module = pytest.importorskip("xgboost")
    return getattr(module, kind)(n_estimators=3, n_jobs=1, **options)


@pytest.mark.parametrize(
    ("make", "form"),
    [
        (lightgbm, "skops"),
        (lambda: lightgbm("LGBMRegressor"), "skops"),
        (lambda: make_pipeline(StandardScaler(), lightgbm()), "skops"),
        (xgboost, "xgboost"),
        (lambda: xgboost("XGBRegressor"), "xgboost"),
        (lambda: xgboost("XGBRFClassifier"), "xgboost"),
        (lambda: make_pipeline(StandardScaler(), xgboost()), "skops"),
        (lambda: GridSearchCV(xgboost("XGBRegressor"), {"max_depth": [1, 2]}, cv=2), "skops"),
        (lambda: VotingClassifier([("l", lightgbm()), ("x", xgboost())]), "skops"),
        (lambda: StackingClassifier([("x", xgboost())], LogisticRegression(), cv=2), "skops"),
    ],
    ids=["lgbm", "lgbm-regressor", "lgbm-pipeline", "xgb", "xgb-regressor", "xgb-forest", "xgb-pipeline", "search",
         "vote", "stack"],
)  # fmt: skip
def test_boosters_with_scikit_learns_face_are_loaded_without_trust(
    make: Any, form: str, tracker: ExperimentTracker
) -> None:
    """Alone, in pipelines, in searches and ensembles; they predict the same, and say what they take and give."""
    model = make()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")  # LightGBM names them itself
        model.fit(X, Y)
        version = save(tracker, model, input_example=X)
        loaded = tracker.load_model("m")
        np.testing.assert_allclose(loaded.predict(X), model.predict(X), rtol=1e-6)

    assert version.format == form
    info = tracker.get_model_info("m")
    assert info["untrusted"] == []
    assert info["signature"]["inputs"] == {"dtype": "float64", "shape": [None, 5]}
    assert info["signature"]["outputs"]["shape"] == [None]


def test_a_booster_of_xgboosts_own_is_kept_as_such(tracker: ExperimentTracker) -> None:
    """Without scikit-learn's face."""
    module = pytest.importorskip("xgboost")
    data = module.DMatrix(X, Y)
    model = module.train({"max_depth": 2, "nthread": 1}, data, 3)

    assert save(tracker, model).format == "xgboost"
    np.testing.assert_allclose(tracker.load_model("m").predict(data), model.predict(data))


# Keras's variables on torch lack NumPy 2's copy argument.
of_keras = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@pytest.fixture
def keras() -> Any:
    """Keras on torch, as it is installed beside it."""
    pytest.importorskip("torch")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


@of_keras
def test_a_keras_model_is_saved_whole_and_loaded_only_with_trust(keras: Any, tracker: ExperimentTracker) -> None:
    """Its file names functions to be called, and Keras's own safe mode has been got round."""
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2), keras.layers.Lambda(lambda x: 2 * x)])
    version = save(tracker, model, input_example=X)

    assert version.format == "keras"
    with pytest.raises(UntrustedModel, match=r"a Keras file names functions to be called.*trust=True"):
        tracker.load_model("m")
    assert tracker.list_models("m")[0]["untrusted"] == ["all of it, as a Keras file names functions to be called"]
    loaded = tracker.load_model("m", trust=True)
    np.testing.assert_allclose(loaded.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6)


@of_keras
def test_a_keras_model_that_keras_cannot_read_back_is_kept_in_another_way(
    keras: Any, tracker: ExperimentTracker
) -> None:
    """It writes some that it can't: found out when it is saved, not when it is needed."""
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2), keras.layers.Lambda(abs)])

    assert save(tracker, model).format == "safetensors"


@of_keras
def test_keras_weights_as_arrays_need_no_trust(keras: Any, tracker: ExperimentTracker) -> None:
    """The way out for who can make the layers anew."""
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
    save(tracker, {str(place): array for place, array in enumerate(model.get_weights())})

    loaded = tracker.load_model("m")
    model.set_weights([loaded[str(place)] for place in range(len(loaded))])


def test_a_transformers_model_is_kept_as_its_state(tracker: ExperimentTracker) -> None:
    """As of any torch module; tied weights included, and no trust is needed."""
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    model = transformers.BertForMaskedLM(config).eval()
    tokens = torch.tensor([[1, 2, 3]])

    assert save(tracker, model).format == "safetensors"
    again = transformers.BertForMaskedLM(config).eval()
    again.load_state_dict(tracker.load_model("m"))
    torch.testing.assert_close(again(tokens).logits, model(tokens).logits)


def test_tensors_of_any_kind_come_back(tracker: ExperimentTracker) -> None:
    """Half precision, whole numbers, truth values, slices, shared memory."""
    torch = pytest.importorskip("torch")
    base = torch.arange(6.0)
    state = {
        "half": base.to(torch.bfloat16), "int": torch.arange(3), "bool": torch.tensor([True, False]),
        "slice": base[::2], "shared": base, "scalar": torch.tensor(1.5), "empty": torch.empty(0, 3),
    }  # fmt: skip

    assert save(tracker, state).format == "safetensors"
    loaded = tracker.load_model("m")
    assert loaded.keys() == state.keys()
    for name, tensor in state.items():
        torch.testing.assert_close(loaded[name], tensor)


@pytest.mark.parametrize("library", ["skops", "xgboost", "safetensors", "numpy"])
@pytest.mark.parametrize("harm", ["truncated", "flipped", "empty"])
def test_a_torn_file_is_reported_whatever_its_format(library: str, harm: str, tracker: ExperimentTracker) -> None:
    """Before anything is made of it, and with trust too."""
    model: Any = {"w": np.ones(100)}
    if library == "skops":
        model = LogisticRegression().fit(X, Y)
    elif library == "xgboost":
        model = xgboost().fit(X, Y)
    elif library == "safetensors":
        model = pytest.importorskip("torch").nn.Linear(4, 4)
    version = save(tracker, model)
    data = version.path.read_bytes()
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    version.path.write_bytes({"truncated": data[:middle], "flipped": flipped, "empty": b""}[harm])

    with pytest.raises(SegmentCorrupt, match="is damaged"):
        tracker.load_model("m", trust=True)


def test_a_type_that_is_none_of_the_trusted_is_named(tracker: ExperimentTracker) -> None:
    """Beside a booster as anywhere."""
    from sklearn.neighbors import KNeighborsClassifier

    save(tracker, VotingClassifier([("x", xgboost()), ("k", KNeighborsClassifier())]).fit(X, Y))

    with pytest.raises(UntrustedModel, match="KDTree"):
        tracker.load_model("m")


def test_a_skops_file_cannot_pass_off_another_type_as_a_booster(tracker: ExperimentTracker) -> None:
    """A name that only ends like a trusted one is none."""
    version = save(tracker, lightgbm().fit(X, Y))
    with zipfile.ZipFile(version.path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["schema.json"] = parts["schema.json"].replace(b'"lightgbm.basic"', b'"evil.lightgbm.basic"')
    with zipfile.ZipFile(version.path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)

    from tracker.skopsfiles import untrusted_types

    assert "evil.lightgbm.basic.Booster" in untrusted_types(version.path)


def test_a_lightgbm_booster_without_a_model_is_not_handed_out(tracker: ExperimentTracker) -> None:
    """LightGBM would follow its null pointer, and the process would be gone."""
    model = lightgbm().fit(X, Y)
    for empty in (None, 0):
        vars(model.booster_)["_handle"] = empty
        assert unsound_tree(make_pipeline(StandardScaler(), model)) == "a Booster of LightGBM's has no model"


def test_a_class_of_boosters_is_not_handed_out_where_it_would_be_called(tracker: ExperimentTracker) -> None:
    """A hostile file's FunctionTransformer would have it read whatever path the file names."""
    library = pytest.importorskip("lightgbm")
    save(tracker, FunctionTransformer(library.Booster, kw_args={"model_file": "some/file"}))

    with pytest.raises(UntrustedModel, match=r"holds lightgbm.basic.Booster itself, to be called"):
        tracker.load_model("m")


def test_a_skops_file_that_is_replaced_after_it_was_looked_at_is_refused(tmp_path: Path) -> None:
    """Who can write to the store could put another one there between the look and the load."""
    skops = pytest.importorskip("skops.io")
    from skops.io import exceptions

    file = tmp_path / "model.skops"
    skops.dump(FunctionTransformer(os.getcwd), file)
    load = next(form.load_unvouched for form in FORMATS if form.name == "skops")
    assert load is not None

    with pytest.raises(exceptions.UntrustedTypesFoundException, match="getcwd"):
        load(file, "")
