"""steplog watch: wait for a run's end, and tell by the exit code whether all was well; for CI and scripts.

    0    the run has FINISHED, and broke no rule of --fail-on
    1    it could not be watched
    2    asked wrongly: no such run, no such rule, or a rule about a metric that the run never had
    3    a rule of --fail-on was broken; the watch ends there, whether or not the run goes on
    4    the run has ended otherwise: FAILED, KILLED or INTERRUPTED
    5    --timeout is over, and the run goes on
    130  Ctrl-C

A rule about a metric that never came is an error and not a success: misspelt, it would have watched nothing.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from ingest.errors import MetricNotFound, RunStateError, TrackerError
from tracker.cli.options import DEFAULT_STORE, RunArgument, StoreOption, asking, open_store
from tracker.cli.screen import cell, console, duration, print_json, status

if TYPE_CHECKING:
    from readers.alert import Alert
    from readers.alerts import Alerts
    from readers.store import Store

BROKEN, ENDED_BADLY, TIMED_OUT, INTERRUPTED = 3, 4, 5, 128 + 2
LOOK_S = 0.5


class Notifier(Protocol):
    """What alerts are handed to."""

    def __call__(self, alert: "Alert") -> None:
        """Tell of an alert."""

    def close(self) -> None:
        """Have told everybody."""


class Nobody:
    """Tells nobody."""

    def __call__(self, alert: "Alert") -> None:
        """See Notifier."""

    def close(self) -> None:
        """See Notifier."""


def watch(
    run: RunArgument,
    *,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            "-f",
            metavar="RULE",
            help="End with exit code 3 when this is so: 'loss is nan', 'loss > 10', 'accuracy no improvement for 20', "
            "'stalled 10x'; can be repeated.",
        ),
    ] = None,
    warn_on: Annotated[
        list[str] | None, typer.Option("--warn-on", "-w", metavar="RULE", help="Say it when this is so, and go on.")
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            "--webhook",
            envvar="STEPLOG_WEBHOOK",
            metavar="URL",
            help="POST each alert there, as JSON. By the variable nobody sees it in ps.",
        ),
    ] = None,
    stop: Annotated[
        bool, typer.Option("--stop", help="Ask the run to stop when a rule of --fail-on is broken.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, metavar="SECONDS", help="Give up after so long; exit code 5.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line: each alert, then the result.")] = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Wait until a run ends; exit code 0 if it finished, 3 if a rule is broken, 4 if it failed, 5 after --timeout."""
    from readers.alerts import Alerts

    with asking():
        fatal = Alerts(fail_on or []).rules
        alerts = Alerts(list(dict.fromkeys([*fatal, *Alerts(warn_on or []).rules])))
    opened = open_store(store)
    run_id = opened.resolve_run(run)
    with asking():
        notifier = _notifier(webhook)
    with closing(notifier):
        code = _follow(opened, run_id, alerts, {rule.text for rule in fatal}, notifier, timeout=timeout, json=json)
    if stop and code == BROKEN:
        _stop(opened, run_id)
    _tell_end(opened, run_id, code, json=json)
    unmet = [rule for rule in alerts.unmet() if rule in fatal]
    if unmet and code in {0, ENDED_BADLY}:
        known = opened.summaries(runs=[run_id]).select("key").collect()["key"].sort()
        raise MetricNotFound.among("metric", str(unmet[0].metric), known, f"rule {unmet[0].text!r} watched nothing")
    raise typer.Exit(code)


def _follow(
    store: "Store",
    run_id: str,
    alerts: "Alerts",
    fatal: set[str],
    notifier: Notifier,
    *,
    timeout: float | None,
    json: bool,
) -> int:
    """Watch until something ends it; the exit code."""
    try:
        for alert in _alerts(store, run_id, alerts, timeout):
            _tell(alert, json=json)
            notifier(alert)
            if alert.rule in fatal:
                return BROKEN
    except TimeoutError:
        return TIMED_OUT
    except KeyboardInterrupt:  # how one leaves a run that goes on
        return INTERRUPTED
    return 0 if _status(store, run_id) == "FINISHED" else ENDED_BADLY


def _alerts(store: "Store", run_id: str, alerts: "Alerts", timeout: float | None) -> "Iterator[Alert]":
    """Alerts of a run, until it has ended and nothing is left. Raises: TimeoutError: it goes on.

    The status is read before the points: an end that was seen came after all of them. Under a queue in memory it may
    come a moment before, so the end counts once another look has found nothing new.
    """
    from readers.watcher import Watcher

    deadline = None if timeout is None else time.monotonic() + timeout
    with Watcher(store, runs=[run_id]) as watcher:
        ended, asked_at, facts = False, -LOOK_S, False
        while True:
            had_ended = ended
            if facts or time.monotonic() - asked_at >= LOOK_S:
                ended, asked_at = _status(store, run_id) != "RUNNING", time.monotonic()
            batch = watcher.poll()
            yield from alerts.take(batch, running=() if ended else None)
            if had_ended and batch.empty:
                return
            facts = not batch.facts.is_empty()
            if not ended and deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError
            if not batch.more and not ended:
                watcher.wait(LOOK_S if deadline is None else min(LOOK_S, max(0.0, deadline - time.monotonic())))


def _stop(store: "Store", run_id: str) -> None:
    """Ask the run to stop, unless it has ended. Where that can't be done it is said: a broken rule is the result."""
    from readers.dashboard.control import Controls

    try:
        Controls(store, by="steplog watch").stop(run_id)
    except RunStateError:
        return
    except TrackerError as error:
        typer.echo(f"steplog: the run wasn't asked to stop: {error}", err=True)


def _status(store: "Store", run_id: str) -> str:
    found = store.find_run(run_id)
    return "INTERRUPTED" if found is None else str(found["status"])


def _notifier(webhook: str | None) -> Notifier:
    """Who is told. Raises: ValueError: no address that alerts can be sent to."""
    from readers.webhook import Webhook

    return Nobody() if webhook is None else Webhook(webhook)


def _tell(alert: "Alert", *, json: bool) -> None:
    if json:
        print_json({"alert": alert.as_dict()}, indent=None)
    else:
        console().print(cell("alert", "bold red"), ": ", cell(alert), sep="", soft_wrap=True)


def _tell_end(store: "Store", run_id: str, code: int, *, json: bool) -> None:
    found = store.find_run(run_id) or {"run_name": run_id, "status": "INTERRUPTED", "end_time": None}
    if json:
        print_json({"run_id": run_id, "status": found["status"], "exit_code": code}, indent=None)
        return
    took = f" after {duration(found['duration_s'])}" if found["end_time"] else ""
    why = {BROKEN: "; a rule is broken", TIMED_OUT: "; the time is over"}.get(code, "")
    console().print(cell(found["run_name"], "bold"), ": ", status(found["status"]), cell(took + why), sep="")
