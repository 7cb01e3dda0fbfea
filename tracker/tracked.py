"""TrackedCalls: a function whose calls are runs."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

from tracker.lifecycle import RunLifecycle
from tracker.metriclogging import MetricLogging
from tracker.metrics import metric_value
from tracker.run import RunId

_P = ParamSpec("_P")
_T = TypeVar("_T")


class TrackedCalls(RunLifecycle, MetricLogging):
    """The decorator of ExperimentTracker."""

    def tracked(self, run_name: str | None = None, **options: Any) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
        """Decorator: each call of the function, plain or async, is a run; inside another run, a nested one.

        Its arguments become params (arrays and frames by type and shape), the numbers of a returned dict metrics; the
        run is FAILED when it raises. `run_name` defaults to the function's name; `options` go to `start_run`.
        Raises: TypeError: used without parentheses, or on a generator, whose body runs after the call.
        """
        if callable(run_name):
            raise TypeError("write @tracker.tracked() with parentheses, or with a run name in them")

        def decorate(function: Callable[_P, _T]) -> Callable[_P, _T]:
            if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
                raise TypeError(f"{function.__qualname__} is a generator: its body runs after the call; use start_run")
            call = _TrackedCall(self, function, run_name, options)
            if inspect.iscoroutinefunction(function):

                @functools.wraps(function)
                async def run_async(*args: _P.args, **kwargs: _P.kwargs) -> Any:
                    with call.start(args, kwargs):
                        return call.result(await function(*args, **kwargs))

                return cast("Callable[_P, _T]", run_async)

            @functools.wraps(function)
            def run_it(*args: _P.args, **kwargs: _P.kwargs) -> _T:
                with call.start(args, kwargs):
                    return call.result(function(*args, **kwargs))

            return run_it

        return decorate


class _TrackedCall:
    """A function whose calls are runs."""

    def __init__(
        self, tracker: TrackedCalls, function: Callable[..., Any], run_name: str | None, options: dict[str, Any]
    ) -> None:
        self._tracker = tracker
        self._signature = inspect.signature(function)
        self._run_name = run_name or function.__name__
        self._options = options

    def start(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> RunId:
        """Start the run of one call."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        params = {name: _described(value) for name, value in bound.arguments.items() if name not in ("self", "cls")}
        nested = self._tracker.active_run() is not None
        return self._tracker.start_run(self._run_name, **{"nested": nested, "params": params, **self._options})

    def result(self, result: _T) -> _T:
        """Log the numbers of a returned dict, and hand it on."""
        if isinstance(result, Mapping):
            numbers = {key: value for key, value in result.items() if isinstance(key, str) and _is_number(value)}
            self._tracker.log_metrics(numbers)
        return result


def _described(value: Any) -> Any:
    """An argument as a param: a data set by its type and shape, not by its thousand rows."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"{type(value).__name__}{shape}"
    return value


def _is_number(value: object) -> bool:
    try:
        metric_value("result", value)
    except (TypeError, ValueError):
        return False
    return True
