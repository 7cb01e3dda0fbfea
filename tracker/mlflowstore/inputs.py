"""Inputs and outputs: the data sets and models that a run used, and the models that it made."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelInput, LoggedModelOutput
from mlflow.entities import _DatasetSummary as DatasetSummary
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT
from mlflow.utils.validation import _validate_dataset_inputs

from readers.store import Store
from tracker.mlflowstore.told import INPUT, MODEL_INPUT, MODEL_OUTPUT, Facts
from tracker.mlflowstore.writer import RunWriter, WrittenRun

KINDS = (INPUT, MODEL_INPUT, MODEL_OUTPUT)
MOST_SUMMARIES = 1000
_FIELDS = ("name", "digest", "source_type", "source", "schema", "profile")


class Inputs(NamedTuple):
    """Of one run."""

    datasets: list[DatasetInput]
    models: list[LoggedModelInput]
    outputs: list[LoggedModelOutput]


def log_inputs(
    writer: RunWriter,
    run: WrittenRun,
    used: Sequence[DatasetInput] | None,
    models: Sequence[LoggedModelInput] | None,
) -> None:
    """Note what a run uses; a data set of the same name and digest is one."""
    _validate_dataset_inputs(used or [])
    items = {f"{each.dataset.name}/{each.dataset.digest}": _written(each) for each in reversed(used or ())}
    if items:
        writer.tell(run.id, run.experiment, INPUT, items)
    if models:
        writer.tell(run.id, run.experiment, MODEL_INPUT, {each.model_id: 0 for each in models})


def log_outputs(writer: RunWriter, run: WrittenRun, models: Sequence[LoggedModelOutput]) -> None:
    """Note what a run made."""
    if models:
        writer.tell(run.id, run.experiment, MODEL_OUTPUT, {each.model_id: each.step for each in models})


def inputs_in(facts: Facts) -> dict[str, Inputs]:
    """Inputs and outputs by run, of facts that have KINDS, or some of them."""
    found: dict[str, Inputs] = defaultdict(lambda: Inputs([], [], []))
    for run_id, used in facts.told(INPUT).items():
        found[run_id].datasets.extend(_read(each) for each in used.values())
    for run_id, ids in facts.told(MODEL_INPUT).items():
        found[run_id].models.extend(LoggedModelInput(model_id) for model_id in ids)
    for run_id, steps in facts.told(MODEL_OUTPUT).items():
        found[run_id].outputs.extend(LoggedModelOutput(model_id, step=step) for model_id, step in steps.items())
    return found


def datasets(store: Store, names: Sequence[str]) -> dict[str, list[DatasetInput]]:
    """The data sets of all runs of some experiments, by run."""
    found = inputs_in(Facts(store, [INPUT], experiments=names))
    return {run_id: inputs.datasets for run_id, inputs in found.items()}


def summaries(store: Store, experiment_id: str, name: str) -> list[DatasetSummary]:
    """The data sets that an experiment's runs used, each with what for."""
    found = {
        (each.dataset.name, each.dataset.digest, _context(each))
        for used in datasets(store, [name]).values()
        for each in used
    }
    return [DatasetSummary(experiment_id, *each) for each in sorted(found, key=str)[:MOST_SUMMARIES]]


def _context(each: DatasetInput) -> str | None:
    return next((tag.value for tag in each.tags if tag.key == MLFLOW_DATASET_CONTEXT), None)


def _written(each: DatasetInput) -> dict[str, Any]:
    about = {field: getattr(each.dataset, field) for field in _FIELDS}
    return {**about, "tags": {tag.key: tag.value for tag in each.tags or ()}}


def _read(about: dict[str, Any]) -> DatasetInput:
    tags = [InputTag(key, value) for key, value in about["tags"].items()]
    return DatasetInput(Dataset(**{field: about[field] for field in _FIELDS}), tags)
