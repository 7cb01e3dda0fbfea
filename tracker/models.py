"""Models: saved in numbered versions, found by name and alias, loaded only if that runs no code nobody vouched for.

A model is written by the safest format that can hold it (see modelformats), becomes the next version at once or not at
all (see modelregistry), and then one event says so. Loading compares the file's SHA-256 with what was saved before
anything is made of it.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ingest.errors import ModelNotFound
from ingest.events import ModelLogged, ParamsLogged
from ingest.jsontext import to_json
from ingest.layout import Layout
from ingest.paths import check_path
from ingest.redact import mask
from readers.best import Mode, resolve_mode
from readers.models import INFO, Models
from tracker.facade import Facade
from tracker.modelformats import class_name, load_model, save_model, untrusted_parts
from tracker.modelorigin import data_fingerprint, kept_example, own_params, packages, parent
from tracker.modelregistry import (
    ModelEntry,
    ModelInfo,
    ModelRegistry,
    ModelVersion,
    checked_alias,
    checked_tags,
    file_facts,
    who,
)
from tracker.modelsignature import mismatch, signature_of
from tracker.run import ActiveRun

__all__ = ["ModelEntry", "ModelLogging", "ModelVersion"]


class ModelLogging(Facade):
    """The model methods of the tracker."""

    def log_model(
        self,
        model: object,
        name: str = "model",
        *,
        aliases: str | Iterable[str] = (),
        tags: Mapping[str, object] | None = None,
        metadata: Mapping[str, object] | None = None,
        input_example: object = None,
        signature: Mapping[str, object] | None = None,
        data: object = None,
        derived_from: object = None,
        run_id: str | None = None,
    ) -> ModelVersion | None:
        """Save a model as the next version of its name.

        Args:
            model: scikit-learn estimator or pipeline, XGBoost, LightGBM or CatBoost model, Keras model, torch module or
                state dict, dict of arrays; anything else that can be pickled.
            name: a relative path such as "churn" or "churn/forest"; versions of all runs count together.
            aliases: a name for this version, such as "best", or several; each moves here from the version that had it.
            tags: what is to be said of this version and may change, such as {"stage": "staging"}.
            metadata: plain data to keep beside the model.
            input_example: a few rows of input, to tell later what the model takes; its shape and first rows are kept.
            signature: {"inputs": ..., "outputs": ...}, each {column: dtype} or an example; default: what input_example
                tells, and what a scikit-learn estimator predicts for it (see modelsignature).
            data: what it was trained on, such as X or (X, y): its fingerprint is kept; or a fingerprint (see
                modelorigin). Default: what the run's search says it was trained on, if it had one.
            derived_from: the model that this one was made from: a version or alias of the same name, (name, version),
                or what log_model gave.

        Returns: the version; None where the disk failed or the tracker is disabled. Where it fails after that, the
            version is there without all of its aliases and tags, which is said.
        Raises: ModelNotSerializable: no format can hold it; the run goes on. ValueError, TypeError, ModelNotFound: no
            such name, alias, tag, signature, data or parent can be; then nothing is saved.

        With auto_log, an estimator's own params are logged under "<name>.".
        """
        if self._disabled:
            return None
        run = self._run(run_id)
        check_path(name, "model")
        names, said = _checked_aliases(aliases), checked_tags(tags or {})
        registry = ModelRegistry(self.layout)
        params = own_params(model)
        details = {
            "run_id": run.id,
            "experiment": run.experiment,
            "time_ns": self._now(),
            "metrics": dict(run.last_metrics),
            "params": params,
            "input_example": kept_example(input_example),
            "metadata": mask("metadata", metadata),
            "signature": signature_of(model, input_example, signature),
            "data": mask("data", data_fingerprint(data)),
            "derived_from": None if derived_from is None else self._parent(name, derived_from),
            "by": who(),
        }
        try:
            saved, info = registry.publish(
                name, lambda folder: _write(model, name, folder, details), self._reserve(registry.home(name), INFO)
            )
        except OSError as error:
            self._fault(f"model {name!r} of run {run.id}", error)
            return None
        self._append_model(run, saved, info)
        try:
            for alias in names:
                registry.set_alias(name, alias, saved.version, run_id=run.id)
            if said:
                registry.set_tags(name, saved.version, said, run_id=run.id)
        except OSError as error:
            self._fault(f"aliases or tags of model {name!r}", error)
        if self.auto_log and params:
            texts = {f"{name}.{key}": to_json(value) for key, value in params.items()}
            self._append(ParamsLogged(run.id, run.experiment, self._now(), texts))
        return saved

    def load_model(
        self,
        name: str,
        version: int | str | None = None,
        *,
        metric: str | None = None,
        mode: Mode = "auto",
        check_input: object = None,
        trust: bool = False,
    ) -> Any:
        """Load a model: its latest version, the one of a number, the one of an alias, or the best by a metric.

        Args:
            name: as given to log_model.
            version: a number, an alias, or "latest", as which None counts.
            metric: with version "best": the version whose run had the best value of this metric when it was saved,
                whatever an alias "best" means.
            mode: which way the metric is better: "auto" (by its name), "max" or "min".
            check_input: what the model is to be given; compared with the inputs of its signature by names, order,
                kinds of dtype and shape without rows.
            trust: whether you trust who wrote the file. Without it nothing is loaded that could run code.

        Returns: the model; of a torch module its state dict.
        Raises: ModelNotFound: listing what there is. MetricNotFound: no version has it. SegmentCorrupt: the file isn't
            what was saved. UntrustedModel. ValueError: check_input doesn't fit, or the model has no signature.
        """
        if metric is not None and version not in {None, "best"}:
            raise ValueError(f"metric= is for the version 'best', and {version!r} was asked for")

        def load(layout: Layout) -> Any:
            models = Models(layout)
            if metric is not None:
                number = models.best(name, metric, resolve_mode(mode, metric))
            else:
                number = models.resolve(name, version)
            return _load(models, name, number, check_input, trust=trust)

        return self._nearest(load)

    def list_models(self, name: str | None = None) -> list[ModelEntry]:
        """List the versions of all models, or of one, with what is known of each: format, class, run, metrics, aliases.

        Raises: ModelNotFound: no model of that name.
        """
        return self._nearest(lambda layout: list(Models(layout).entries(name)))

    def _parent(self, name: str, derived_from: object) -> Any:
        return self._nearest(lambda layout: parent(Models(layout), name, derived_from))

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


def _load(models: Models, name: str, number: int, check_input: object, *, trust: bool) -> Any:
    """Load a version. Raises: as load_model."""
    file, info = models.verified(name, number)
    if check_input is not None:
        _check_input(info, number, check_input)
    try:
        return load_model(name, file, info, trust=trust)
    except Exception as error:
        try:
            models.check_there(name, number)
        except ModelNotFound as gone:
            raise gone from error  # deleted while it was read
        raise


def _checked_aliases(aliases: str | Iterable[str]) -> list[str]:
    """Give the aliases as a list, checked while no version has been made yet; one str is one alias.

    Raises: ValueError, TypeError: see `checked_alias`.
    """
    return [checked_alias(alias) for alias in ([aliases] if isinstance(aliases, str) else aliases)]


def _check_input(info: ModelInfo, number: int, given: object) -> None:
    """Raises: ValueError: the input isn't what the model's signature says, or it has none."""
    what = f"model {info['name']!r} version {number}"
    inputs = (info["signature"] or {}).get("inputs")
    if inputs is None:
        raise ValueError(f"{what} has no signature to compare check_input with; log it with input_example= next time")
    said = mismatch(inputs, given)
    if said:
        raise ValueError(f"check_input isn't what {what} takes: {'; '.join(said)}")


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
        "packages": packages(model, form.name),
    }
    return {**described, **details}  # type: ignore[typeddict-item]
