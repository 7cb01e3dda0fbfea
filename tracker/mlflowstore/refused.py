"""What isn't supported: said with MLflow's own error and code, and with what to do instead."""

import re
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import NOT_IMPLEMENTED

_Class = TypeVar("_Class", bound=type)
_TRACES = (
    "traces and assessments aren't kept there. mlflow.tracing.disable() turns tracing off; to keep traces, send them "
    "to an MLflow server"
)
_DATASETS = "evaluation data sets aren't kept there; data sets that a run uses are: mlflow.log_input"
_REGISTRY = (
    'there is no registry of models there. Name a place for one: mlflow.set_registry_uri("sqlite:///registry.db"), '
    "MLFLOW_REGISTRY_URI, or --registry-store-uri of a server"
)
_ELSE = "use an MLflow server with a database for it"
_INSTEAD = (
    (re.compile("registered_model|model_version|prompt|webhook"), _REGISTRY),
    (re.compile("trace|span|assessment|session|online"), _TRACES),
    (re.compile("dataset"), _DATASETS),
    (re.compile(""), _ELSE),
)


def refused(method: str) -> MlflowException:
    """The error for a method of MLflow's stores."""
    words = next(words for pattern, words in _INSTEAD if pattern.search(method))
    return MlflowException(f"{method} isn't supported by a steplog:// store: {words}", NOT_IMPLEMENTED)


def refuse_the_rest(store: _Class) -> _Class:
    """Class decorator: what MLflow's base class leaves open, and this class doesn't do, is refused.

    Left open is a method that isn't the class's own, and is abstract, or would raise NotImplementedError.
    """
    for name in dir(store):
        method = getattr(store, name)
        if not name.startswith("_") and callable(method) and _is_open(method):
            setattr(store, name, _refusing(name))
    return store


def _is_open(method: Any) -> bool:
    code = getattr(method, "__code__", None)
    raises = code is not None and not {"NotImplementedError", "MlflowNotImplementedException"}.isdisjoint(code.co_names)
    return raises or bool(getattr(method, "__isabstractmethod__", False) or getattr(method, "_requires_sql_backend", 0))


def _refusing(name: str) -> Callable[..., NoReturn]:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise refused(name)

    refuse.__name__ = name
    refuse.__doc__ = "Refuse. Raises: MlflowException: always."
    return refuse
