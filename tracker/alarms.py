"""Alarms: functions that a training wants called when its own metrics break a rule, as they are streamed.

The machines are those of the watchers outside (see readers.alertstates), fed in the call that logs a value; nothing is
read back. Silence can't be found so: who is silent calls nothing.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from readers.alert import Alert
from readers.alertrules import Rule, parse_rule
from readers.alertstates import Machine, machine_of
from tracker.run import ActiveRun


class Alarm(NamedTuple):
    """A rule, and what is called."""

    rule: Rule
    call: Callable[[Alert], object]

    @classmethod
    def of(cls, rule: str | Rule, call: Callable[[Alert], object]) -> "Alarm":
        """Check both. Raises: ValueError: no rule, or one about silence. TypeError: not text, not callable."""
        if not callable(call):
            raise TypeError(f"what is called at an alert is a function, not {type(call).__name__}")
        parsed = rule if isinstance(rule, Rule) else parse_rule(rule)
        if parsed.kind == "stall":
            raise ValueError(
                f"{parsed.text!r}: silence is found by who looks from outside: 'steplog watch', the dashboard, or "
                "readers.alerts.watch"
            )
        return cls(parsed, call)


class Alarms:
    """How one run stands to the alarms."""

    def __init__(self) -> None:
        self._machines: dict[str, list[tuple[Alarm, Machine]]] = {}
        self._known = 0

    def feed(
        self, alarms: list[Alarm], run: ActiveRun, values: Iterable[tuple[str, float]], step: float | None
    ) -> None:
        """Take the values of one log call, and call what is to be called; what that raises comes through."""
        if len(alarms) != self._known:  # somebody added one
            self._machines, self._known = {}, len(alarms)
        for key, value in values:
            machines = self._machines.get(key)
            if machines is None:
                meant = [alarm for alarm in alarms if alarm.rule.means(key)]
                machines = self._machines[key] = [(alarm, machine_of(alarm.rule, key)) for alarm in meant]
            for alarm, machine in machines:
                words = machine.feed(value)
                if words is not None:
                    now = datetime.now(UTC)
                    alarm.call(Alert(now, run.id, run.experiment, run.name, key, alarm.rule.text, words, value, step))
