"""Models: saved in numbered versions, found by name and alias, loaded only if that runs no code nobody vouched for.

A model is written by the safest format that can hold it (see modelformats), becomes the next version at once or not at
all (see modelregistry), and then one event says so. Loading compares the file's SHA-256 with what was saved before
anything is made of it.
"""

import platform
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ingest.errors import ModelNotFound, NoActiveRun
from ingest.events import FactLogged, ModelLogged, ParamsLogged
from ingest.jsontext import to_json
from ingest.paths import check_path
from ingest.redact import mask
from ingest.values import plain
from tracker.facade import Facade
from tracker.modelformats import class_name, library, load_model, save_model, untrusted_parts
from tracker.modelregistry import LATEST, ModelEntry, ModelInfo, ModelRegistry, ModelVersion, checked_alias, file_facts
from tracker.run import ActiveRun

__all__ = ["ModelEntry", "ModelLogging", "ModelVersion"]
_EXAMPLE_ROWS = 5


class ModelLogging(Facade):
    """The model methods of the tracker."""

    def log_model(
        self,
        model: object,
        name: str = "model",
        *,
        aliases: str | Iterable[str] = (),
        metadata: Mapping[str, object] | None = None,
        input_example: object = None,
        run_id: str | None = None,
    ) -> ModelVersion | None:
        """Save a model as the next version of its name.

        Args:
            model: scikit-learn estimator or pipeline, XGBoost, LightGBM or CatBoost model, torch module or state dict,
                dict of arrays; anything else that can be pickled.
            name: a relative path such as "churn" or "churn/forest"; versions of all runs count together.
            aliases: a name for this version, such as "best", or several; each moves here from the version that had it.
            metadata: plain data to keep beside the model.
            input_example: a few rows of input, to tell later what the model takes; its shape and first rows are kept.

        Returns: the version; None where the disk failed or the tracker is disabled.
        Raises: ModelNotSerializable: no format can hold it; the run goes on. ValueError, TypeError: no such
            name, or no such alias; then nothing is saved.

        With auto_log, an estimator's own params are logged under "<name>.".
        """
        if self._disabled:
            return None
        run = self._run(run_id)
        check_path(name, "model")
        names = _checked_aliases(aliases)
        registry = ModelRegistry(self.layout)
        params = _params(model)
        details = {
            "run_id": run.id,
            "experiment": run.experiment,
            "time_ns": self._now(),
            "metrics": dict(run.last_metrics),
            "params": params,
            "input_example": _example(input_example),
            "metadata": mask("metadata", metadata),
            "packages": _packages(model),
        }
        try:
            saved, info = registry.publish(name, lambda folder: _write(model, name, folder, details))
            for alias in names:
                registry.set_alias(name, alias, saved.version)
        except OSError as error:
            self._fault(f"model {name!r} of run {run.id}", error)
            return None
        self._append_model(run, saved, info)
        if self.auto_log and params:
            texts = {f"{name}.{key}": to_json(value) for key, value in params.items()}
            self._append(ParamsLogged(run.id, run.experiment, self._now(), texts))
        return saved

    def load_model(self, name: str, version: int | str | None = None, *, trust: bool = False) -> Any:
        """Load a model: its latest version, the one of a number, or the one of an alias.

        Args:
            name: as given to log_model.
            version: a number, an alias, or "latest", as which None counts.
            trust: whether you trust who wrote the file. Without it nothing is loaded that could run code.

        Returns: the model; of a torch module its state dict.
        Raises: ModelNotFound: listing what there is. SegmentCorrupt: the file isn't what was saved. UntrustedModel.
        """
        registry = ModelRegistry(self.layout)
        file, info = registry.verified(name, _resolved(registry, name, version))
        return load_model(name, file, info, trust=trust)

    def set_model_alias(self, name: str, alias: str, version: int | str | None = None) -> None:
        """Let an alias such as "best" mean a version, by default the latest; it moves from the one that had it.

        Raises: ModelNotFound: no such model or version. ValueError: the alias is "latest" or a number.
        """
        if self._disabled:
            return
        registry = ModelRegistry(self.layout)
        number = _resolved(registry, name, version)
        try:
            registry.set_alias(name, alias, number)
        except OSError as error:
            self._fault(f"alias {alias!r} of model {name!r}", error)
            return
        try:
            run = self._run(None)
        except NoActiveRun:  # aliases may be set long after; the history in the facts belongs to runs
            return
        items = {f"{name}@{alias}": to_json(number)}
        self._append(FactLogged(run.id, run.experiment, self._now(), "alias", items))

    def list_models(self, name: str | None = None) -> list[ModelEntry]:
        """List the versions of all models, or of one, with what is known of each: format, class, run, metrics, aliases.

        Raises: ModelNotFound: no model of that name.
        """
        return list(ModelRegistry(self.layout).entries(name))

    def _append_model(self, run: ActiveRun, saved: ModelVersion, info: ModelInfo) -> None:
        self._append(
            ModelLogged(
                run_id=run.id,
                experiment=run.experiment,
                time_ns=info["time_ns"],
                name=saved.name,
                version=saved.version,
                format=saved.format,
                path=saved.path.relative_to(self.layout.root).as_posix(),
                size=info["size"],
                sha256=info["sha256"],
            )
        )


def _checked_aliases(aliases: str | Iterable[str]) -> list[str]:
    """Give the aliases as a list, checked while no version has been made yet; one str is one alias.

    Raises: ValueError, TypeError: see `checked_alias`.
    """
    return [checked_alias(alias) for alias in ([aliases] if isinstance(aliases, str) else aliases)]


def _resolved(registry: ModelRegistry, name: str, version: int | str | None) -> int:
    """Give the number that a version or alias means. Raises: ModelNotFound: it says which there are."""
    try:
        return registry.resolve(name, version)
    except ModelNotFound as error:
        if name not in registry.names():
            raise
        numbers = [str(number) for number in registry.versions(name)]
        if isinstance(version, int) or str(version).isdecimal():
            there = ", ".join(numbers[-20:])
            older = f"{len(numbers) - 20} older ones, " if len(numbers) > 20 else ""
            raise ModelNotFound(f"no version {version} of model {name!r}; there is: {older}{there}") from error
        known = [*numbers, LATEST, *registry.aliases(name)]
        raise ModelNotFound.among(f"version of model {name!r} named", str(version), known) from error


def _write(model: object, name: str, folder: Path, details: dict[str, object]) -> ModelInfo:
    """Write a model's file and describe it."""
    form = save_model(model, folder, name)
    size, sha256 = file_facts(folder / form.file)
    described = {
        "format": form.name,
        "file": form.file,
        "size": size,
        "sha256": sha256,
        "class_name": class_name(model),
        "untrusted": untrusted_parts(form, folder, model),
    }
    return {**described, **details}  # type: ignore[typeddict-item]


def _params(model: Any) -> dict[str, object]:
    """Give an estimator's own params, those of its parts as "part__param", without the parts themselves."""
    if isinstance(model, type) or not callable(getattr(model, "get_params", None)):
        return {}
    try:
        params = model.get_params()
    except Exception as error:  # noqa: BLE001 - a user's estimator may fail in any way, and is saved all the same
        return {"get_params failed": repr(error)}
    leaves = {name: value for name, value in params.items() if not _has_estimators(value)}
    return {str(name): mask(str(name), value) for name, value in leaves.items()}


def _has_estimators(value: Any) -> bool:
    """Whether a param is a part of the model: an estimator, or a list of (name, estimator)."""
    if isinstance(value, (list, tuple)):
        return any(_has_estimators(part) for part in value)
    return hasattr(value, "get_params") and not isinstance(value, type)


def _example(example: Any) -> object:
    """Keep what tells the form of an input: shape, columns, types, the first rows."""
    if example is None:
        return None
    rows = (
        example[:_EXAMPLE_ROWS]
        if hasattr(example, "__getitem__") and not isinstance(example, (str, Mapping))
        else example
    )
    kept = {
        "type": class_name(example),
        "shape": getattr(example, "shape", None),
        "columns": getattr(example, "columns", None),
        "dtypes": str(getattr(example, "dtypes", getattr(example, "dtype", None))),
        "rows": rows,
    }
    return plain(kept, where="input_example")


def _packages(model: object) -> dict[str, str]:
    """Give the versions of what the model is made with."""
    found = {"python": platform.python_version()}
    for name in (library(model), "sklearn", "numpy", "skops", "torch"):
        version = getattr(sys.modules.get(name), "__version__", None)
        if isinstance(version, str):
            found[name] = version
    return found
