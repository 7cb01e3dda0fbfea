"""How models become files: the safest format that can hold each, tried in this order.

    xgboost, catboost, lightgbm   their own files; of LightGBM's scikit-learn classes only the Booster has one
    keras                         Keras's own file, whole: layers, weights, optimizer
    safetensors                   the state dict of a torch module, or a dict of tensors; read back as that dict
    numpy                         a dict of arrays
    skops                         scikit-learn's estimators and pipelines, LightGBM's scikit-learn classes; checked
                                  type by type before they are made
    pickle-torch                  the state dict where safetensors isn't installed
    pickle                        anything else (cloudpickle's where installed); loading it runs whatever code is in it

The two pickles are loaded only for a caller who says that the file is trusted; skops files with types outside the
trusted set likewise. Decision trees are such a type, but in forests they are looked at instead (see treecheck). Keras's
file names classes and functions to be called, and its safe_mode has been got round more than once (CVE-2025-1550,
CVE-2025-8747, CVE-2025-9906), so it needs trust too; whoever wants none logs `model.get_weights()` as a dict of arrays.

The boosters' own files hold no code, and are loaded without trust. But their libraries don't check what they read: a
file that is made for it can crash the process (of those with a few changed bytes a fifth and more do). One that was
changed since it was saved is found by its SHA-256 before that.
"""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ingest.errors import ModelNotSerializable, UntrustedModel
from tracker.encoding import decode, encode_array
from tracker.skopsfiles import is_sklearn, load_skops, load_trusted_types, save_skops, untrusted_types
from tracker.treecheck import unsound_tree

_XGBOOST = frozenset({"Booster", "XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor"})
_CATBOOST = frozenset({"CatBoost", "CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker"})
_KERAS_MODEL = ("keras.src.models.model.Model", "keras.models.Model")
_TORCH_MODULE = "torch.nn.modules.module.Module"


class ModelFormat(NamedTuple):
    """One way of writing a model to a file and reading it back."""

    name: str
    file: str
    fits: Callable[[Any], bool]
    save: Callable[[Any, Path], None]
    load: Callable[[Path, str], object]
    """Takes the file and the class's name."""
    untrusted: Callable[[Path], list[str]] = lambda _: []
    """What in a file can run code or crash the process when it is loaded; nothing in the safe formats."""
    unsound: Callable[[object], str] = lambda _: ""
    """What in a model that was loaded without trust would crash the process when it is used."""
    load_unvouched: Callable[[Path, str], object] | None = None
    """As `load`, without trust, where that isn't the same."""


def save_model(model: object, folder: Path, name: str) -> ModelFormat:
    """Write a model with the first format that can hold it.

    Raises: ModelNotSerializable: none can; says why for each that was tried. OSError: the disk doesn't take it.
    """
    tried: list[str] = []
    for form in FORMATS:
        if not form.fits(model):
            continue
        try:
            form.save(model, folder / form.file)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - each library, and each model's own code, fails in its own way
            tried.append(f"{form.name}: {type(error).__name__}: {error}")
            last = error
            (folder / form.file).unlink(missing_ok=True)
        else:
            return form
    message = (
        f"model {name!r} of class {class_name(model)} can't be saved ({'; '.join(tried)}). The run goes on; log what "
        "it is made of: numbers with log_params, arrays with log_numpy_array, a state dict with log_model"
    )
    raise ModelNotSerializable(message) from last


def load_model(name: str, file: Path, info: Mapping[str, Any], *, trust: bool) -> object:
    """Read a model back.

    Raises: UntrustedModel: that could run code, and trust wasn't given. ImportError: a library is missing.
    """
    form = _by_name(info["format"])
    kind = str(info["class_name"])
    if trust:
        return form.load(file, kind)
    untrusted = form.untrusted(file)
    model = None if untrusted else (form.load_unvouched or form.load)(file, kind)
    reasons = untrusted or [reason for reason in [form.unsound(model)] if reason]
    if reasons:
        raise UntrustedModel(
            f"model {name!r} ({kind}) holds what can run code or crash the process: {', '.join(reasons)}. "
            f"If you trust who wrote it: load_model({name!r}, trust=True)"
        )
    return model


def untrusted_parts(form: ModelFormat, folder: Path, model: object) -> list[str]:
    """List what in a saved model needs trust=True to be loaded."""
    return form.untrusted(folder / form.file) or [reason for reason in [form.unsound(model)] if reason]


def class_name(model: object) -> str:
    """The qualified name of a model's class."""
    return f"{type(model).__module__}.{type(model).__qualname__}"


def library(model: object) -> str:
    """The top package of the model's own class."""
    return type(model).__module__.partition(".")[0]


def _save_by_itself(model: Any, file: Path) -> None:
    model.save_model(str(file))


def _load_xgboost(file: Path, kind: str) -> object:
    import xgboost

    model = getattr(xgboost, _known(kind, _XGBOOST))()
    model.load_model(str(file))
    return model


def _load_catboost(file: Path, kind: str) -> object:
    import catboost

    return getattr(catboost, _known(kind, _CATBOOST))().load_model(str(file))


def _load_lightgbm(file: Path, _kind: str) -> object:
    import lightgbm

    return lightgbm.Booster(model_file=str(file))


def _is_keras(model: Any) -> bool:
    return any(f"{base.__module__}.{base.__qualname__}" in _KERAS_MODEL for base in type(model).__mro__)


def _save_keras(model: Any, file: Path) -> None:
    model.save(str(file))
    _load_keras(file, "")  # it also writes what it can't read back, as some functions; better found out now


def _load_keras(file: Path, _kind: str) -> object:
    import keras

    return keras.saving.load_model(str(file), safe_mode=False)  # only for a caller who said trust=True


def _all_of_keras(_file: Path) -> list[str]:
    return ["all of it, as a Keras file names functions to be called"]


def _known(kind: str, allowed: frozenset[str]) -> str:
    """The class's own name, if it is one that the format can make."""
    name = kind.rpartition(".")[2]
    if name not in allowed:
        raise ValueError(f"{kind!r} is no class that is loaded from this format; there is {', '.join(sorted(allowed))}")
    return name


def _is_torch(model: Any) -> bool:
    if isinstance(model, Mapping):
        return bool(model) and all(_is_tensor(value) for value in model.values())
    return any(f"{base.__module__}.{base.__qualname__}" == _TORCH_MODULE for base in type(model).__mro__)


def _is_tensor(value: object) -> bool:
    return any(
        f"{base.__module__}.{base.__name__}" in {"torch.Tensor", "torch._tensor.Tensor"} for base in type(value).__mro__
    )


def _state_dict(model: Any) -> dict[str, Any]:
    """Copy the tensors, apart from each other: safetensors refuses those that share memory."""
    state = model if isinstance(model, Mapping) else model.state_dict()
    return {str(name): tensor.detach().cpu().clone().contiguous() for name, tensor in state.items()}


def _save_safetensors(model: Any, file: Path) -> None:
    from safetensors.torch import save_file

    save_file(_state_dict(model), str(file), metadata={"class": class_name(model)})


def _load_safetensors(file: Path, _kind: str) -> object:
    from safetensors.torch import load_file

    return load_file(str(file))


def _save_torch(model: Any, file: Path) -> None:
    import torch

    torch.save(_state_dict(model), str(file))


def _load_torch(file: Path, _kind: str) -> object:
    import torch

    return torch.load(str(file), weights_only=True)


def _is_arrays(model: Any) -> bool:
    return (
        isinstance(model, Mapping)
        and bool(model)
        and all(type(value).__module__ == "numpy" and hasattr(value, "shape") for value in model.values())
    )


def _save_arrays(model: Any, file: Path) -> None:
    file.write_bytes(encode_array(model, file.name).data)


def _load_arrays(file: Path, _kind: str) -> object:
    return decode(file.read_bytes(), file.name)


def _save_pickle(model: Any, file: Path) -> None:
    try:
        import cloudpickle as pickler
    except ImportError:
        pickler = pickle
    with file.open("wb") as opened:
        pickler.dump(model, opened, protocol=pickle.HIGHEST_PROTOCOL)


def _load_pickle(file: Path, _kind: str) -> object:
    with file.open("rb") as opened:
        return pickle.load(opened)  # noqa: S301 - only for a caller who said trust=True


def _all_of_it(_file: Path) -> list[str]:
    return ["all of it, as it is a pickle"]


def _by_name(name: str) -> ModelFormat:
    """Find a format. Raises: ValueError: none that this version knows."""
    for form in FORMATS:
        if form.name == name:
            return form
    raise ValueError(f"the model has the format {name!r}; this version knows {', '.join(f.name for f in FORMATS)}")


FORMATS = (
    ModelFormat(
        "xgboost", "model.ubj", lambda model: library(model) == "xgboost" and type(model).__name__ in _XGBOOST,
        _save_by_itself, _load_xgboost,
    ),
    ModelFormat(
        "catboost", "model.cbm", lambda model: library(model) == "catboost" and type(model).__name__ in _CATBOOST,
        _save_by_itself, _load_catboost,
    ),
    ModelFormat(
        "lightgbm", "model.txt", lambda model: library(model) == "lightgbm" and type(model).__name__ == "Booster",
        _save_by_itself, _load_lightgbm,
    ),
    ModelFormat("keras", "model.keras", _is_keras, _save_keras, _load_keras, _all_of_keras),
    ModelFormat("safetensors", "model.safetensors", _is_torch, _save_safetensors, _load_safetensors),
    ModelFormat("numpy", "model.npz", _is_arrays, _save_arrays, _load_arrays),
    ModelFormat(
        "skops", "model.skops", is_sklearn, save_skops, load_skops, untrusted_types, unsound_tree, load_trusted_types
    ),
    ModelFormat("pickle-torch", "model.pt", _is_torch, _save_torch, _load_torch, _all_of_it),
    ModelFormat("pickle", "model.pkl", lambda _: True, _save_pickle, _load_pickle, _all_of_it),
)  # fmt: skip
