"""Alerts: what broke a rule, found in the batches of a watcher as they come; for the terminal and for the dashboard.

    alerts = Alerts(["loss is nan", "stalled 10x"])
    with Watcher(store) as watcher:
        while True:
            for alert in alerts.take(watcher.poll()): ...
            watcher.wait(1.0)

`watch` is that loop. An alert is given once, when its rule is broken (see alertstates). What was logged before the
first batch is taken at the time it was logged, what comes later at the time it is seen: so a run that was silent before
is found at once, and clocks that differ don't matter from then on.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime

import polars as pl

from ingest.jsontext import from_json
from readers.alert import Alert
from readers.alertrules import SYSTEM, Rule, parse_rule
from readers.alertstates import MOST_INTERVALS, Machine, Stall, machine_of
from readers.batch import Batch
from readers.source import StoreFolder, store_of
from readers.watcher import Watcher

__all__ = ["KEPT", "Alert", "Alerts", "watch"]
KEPT = 1_000
"""Alerts that are remembered; older ones are forgotten."""
LOOK_S = 0.5


class Alerts:
    """Rules, and how each run stands to them. One thread.

    Args:
        rules: texts (see alertrules) or Rules.
        now: gives the wall time in seconds.

    Raises: ValueError, TypeError: no rule.
    """

    def __init__(self, rules: Sequence[str | Rule], *, now: Callable[[], float] = time.time) -> None:
        self.rules = tuple(rule if isinstance(rule, Rule) else parse_rule(rule) for rule in rules)
        self.recent: deque[Alert] = deque(maxlen=KEPT)
        """The last alerts, newest last."""
        self.met: set[str] = set()
        """Texts of the rules that a metric was found for; a stall of a run as a whole needs none."""
        self._now = now
        self._caught_up = False
        self._machines: dict[tuple[str, str], list[tuple[Rule, Machine]]] = {}
        self._stalls: dict[tuple[str, str | None], list[tuple[Rule, Stall]]] = {}
        self._runs: dict[str, tuple[str, str | None]] = {}
        """run_id -> experiment, name."""
        self._ended: dict[str, float] = {}
        """run_id -> the time of its end; a point that was logged later shows that another process goes on with it."""
        self._to_forget: set[str] = set()
        """Of the ended ones those that something is kept of."""

    def take(self, batch: Batch, running: Collection[str] | None = None) -> list[Alert]:
        """What is new: the rules that this batch broke, and the runs that are silent by now.

        Args:
            running: the runs that can stall; None for all that haven't said their end.
        """
        now = self._now()
        self._note(batch.facts)
        found: list[Alert] = []
        if batch.points.height:
            own = batch.points
            if not any((rule.metric or "").startswith(SYSTEM) for rule in self.rules):
                own = own.filter(~pl.col("key").str.starts_with(SYSTEM))
            self._note_late(own)
            self._note_silence(own, now)
            found += self._values(own)
        if not batch.more:  # before, the ends of runs are known whose points are still to come
            self._caught_up = True
            self._forget_ended()
        if self._caught_up:
            found += self._silent(now, running)
        found.sort(key=lambda alert: alert.time)
        self.recent.extend(found)
        return found

    def is_active(self, alert: Alert) -> bool:
        """Whether what an alert tells of is so still; never of a run that has ended."""
        if alert.run_id in self._ended:
            return False
        values = self._machines.get((alert.run_id, alert.key or ""), ())
        stalls = self._stalls.get((alert.run_id, alert.key), ())
        return any(machine.active for rule, machine in (*values, *stalls) if rule.text == alert.rule)

    def listing(self) -> dict[str, object]:
        """For the dashboard: the last alerts, newest first, and the rules."""
        alerts = [{**alert.as_dict(), "active": self.is_active(alert)} for alert in reversed(self.recent)]
        return {"alerts": alerts, "rules": [rule.text for rule in self.rules]}

    def unmet(self) -> list[Rule]:
        """The rules about metrics that no run has had so far: perhaps misspelt."""
        return [rule for rule in self.rules if rule.metric is not None and rule.text not in self.met]

    def _note(self, facts: pl.DataFrame) -> None:
        """Learn names, and who has ended."""
        wanted = facts.filter(pl.col("kind").is_in(["run", "end"]))
        for run_id, experiment, kind, key, value, at in wanted.select(
            "run_id", "experiment", "kind", "key", "value", "time"
        ).iter_rows():
            if kind == "end":
                self._ended[run_id] = at.timestamp()
                self._to_forget.add(run_id)
                continue
            self._go_on(run_id)
            if key == "run_name":
                self._runs[run_id] = experiment, str(from_json(value))

    def _note_late(self, points: pl.DataFrame) -> None:
        """Find the ended runs among those that points came of: which go on, and which don't."""
        if not self._ended:
            return
        for run_id, at in points.group_by("run_id").agg(pl.col("time").max()).iter_rows():
            if run_id not in self._ended:
                continue
            if at.timestamp() > self._ended[run_id]:
                self._go_on(run_id)
            else:
                self._to_forget.add(run_id)

    def _go_on(self, run_id: str) -> None:
        self._ended.pop(run_id, None)
        self._to_forget.discard(run_id)

    def _forget_ended(self) -> None:
        """What has ended breaks no more rules."""
        if self._to_forget:
            gone = self._to_forget
            self._machines = {place: kept for place, kept in self._machines.items() if place[0] not in gone}
            self._stalls = {place: kept for place, kept in self._stalls.items() if place[0] not in gone}
            self._to_forget = set()

    def _values(self, points: pl.DataFrame) -> Iterator[Alert]:
        groups = points.partition_by("run_id", "key", maintain_order=True, as_dict=True)
        for (run_id, key), group in groups.items():
            machines = self._of_metric(run_id, key)
            if not machines:
                continue
            self._runs.setdefault(run_id, (group["experiment"][0], None))
            values = group["value"].to_list()
            for rule, machine in machines:
                for place, value in enumerate(values):
                    words = machine.feed(value)
                    if words is not None:
                        at = group.row(place, named=True)
                        step = at["step"] if at["step_float"] is None else at["step_float"]
                        yield Alert(at["time"], run_id, *self._runs[run_id], key, rule.text, words, value, step)

    def _of_metric(self, run_id: str, key: str) -> list[tuple[Rule, Machine]]:
        """The machines that watch a metric of a run."""
        machines = self._machines.get((run_id, key))
        if machines is None:
            meant = [rule for rule in self.rules if rule.means(key)]
            self.met.update(rule.text for rule in meant)
            machines = [(rule, machine_of(rule, key)) for rule in meant if rule.kind != "stall"]
            self._machines[run_id, key] = machines
        return machines

    def _note_silence(self, points: pl.DataFrame, now: float) -> None:
        """Tell each stall's machine when its run or metric was last heard of."""
        rules = [rule for rule in self.rules if rule.kind == "stall"]
        for rule in rules:
            by = ["run_id"] if rule.metric is None else ["run_id", "key"]
            meant = points
            if rule.metric is not None:
                keys = [key for key in points["key"].unique() if rule.means(key)]
                meant = points.filter(pl.col("key").is_in(keys))
                self.met.update([rule.text] if keys else [])
            logged = meant.group_by(by).agg(pl.col("time").unique().sort().tail(MOST_INTERVALS))
            for *place, times in logged.iter_rows():
                stall = self._stall_of(rule, place[0], place[1] if len(place) > 1 else None)
                for at in times:
                    seconds = at.timestamp()
                    stall.seen(seconds, now if self._caught_up else min(now, seconds))

    def _stall_of(self, rule: Rule, run_id: str, key: str | None) -> Stall:
        stalls = self._stalls.setdefault((run_id, key), [])
        for known, stall in stalls:
            if known is rule:
                return stall
        stalls.append((rule, Stall(key or "the run", rule)))
        return stalls[-1][1]

    def _silent(self, now: float, running: Collection[str] | None) -> Iterator[Alert]:
        for (run_id, key), stalls in self._stalls.items():
            if run_id in self._ended or (running is not None and run_id not in running):
                continue
            for rule, stall in stalls:
                found = stall.look(now)
                if found is not None:
                    at, known = datetime.fromtimestamp(now, UTC), self._runs.get(run_id, ("", None))
                    yield Alert(at, run_id, *known, key, rule.text, *found, None)


def watch(
    source: StoreFolder | str,
    rules: Sequence[str | Rule],
    runs: Collection[str] | None = None,
    *,
    notify: Sequence[Callable[[Alert], object]] = (),
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Alert]:
    """Yield the alerts of runs as they happen, for ever.

    Args:
        source: a tracker, a Store, or a store's folder.
        rules: see alertrules.
        runs: only these run ids; None for all, also ones that begin later.
        notify: called with each alert before it is yielded: `Webhook(url)`, or a function of yours. What it raises
            ends the watch.
        stop: asked at each look; True ends the watch.

    Raises: ValueError, TypeError: no rule. StoreUnavailable, FormatTooNew.
    """
    alerts = Alerts(rules)
    store = store_of(source)
    with closing(Watcher(store, runs=runs)) as watcher:
        while not stop():
            batch = watcher.poll()
            for alert in alerts.take(batch):
                for call in notify:
                    call(alert)
                yield alert
            if not batch.more:
                watcher.wait(LOOK_S)
