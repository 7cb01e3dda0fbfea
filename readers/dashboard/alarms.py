"""Alarms: the alerts of a server. Which rules it watches, what was found, and who is told.

Rules come from the command line (`steplog ui --alert RULE`) and from the store's file control/alerts.json, a JSON list
of rules (see readers.alertrules), read anew when it changes (see rulesfile). Rules that somebody gave are watched as
long as the server runs. Where nobody gave any, those of `DEFAULT_RULES` are watched while a page is open: an idle
server costs nothing. What is found goes to the pages, to the terminal, to the address of `--webhook`, and is kept for
/api/alerts. A rule is about what comes after the server has started; `steplog watch` also looks at what was logged
before. A webhook's address is never taken from a store, as the store may be a stranger's.
"""

import logging
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from ingest.layout import Layout
from ingest.sources import open_plain
from readers.alertrules import DEFAULT_RULES, parse_rule
from readers.alerts import Alert, Alerts
from readers.batch import FACTS, POINTS, Batch
from readers.dashboard.rulesfile import rules_file
from readers.store import Store
from readers.webhook import Webhook

MOST_RULES = 100
MOST_SAID = 100
"""Of one look; the page of alerts has them all."""
_CLOSE_S = 0.5
_LARGEST_FILE = 256 << 10
_log = logging.getLogger("steplog.dashboard")


class Alarms:
    """Watches the rules of one server. The hub's thread; `listing` from any.

    Args:
        store: where the runs are, and perhaps rules.
        rules: further ones.
        webhook: where alerts are sent to, too.

    Raises: ValueError: one of `rules` is none, or the address isn't one. What is wrong with the file is only said.
    """

    def __init__(self, store: Store, rules: Sequence[str] = (), webhook: str | None = None) -> None:
        self._store = store
        self.problem: str | None = None
        """What is wrong with the store's file of rules."""
        self.always = False
        """Whether the rules are to be watched while nobody looks on, too."""
        self._given = tuple(rules)
        self._rules = self._all_rules()
        self._alerts = Alerts(self._rules)
        self._webhook = None if webhook is None else Webhook(webhook)
        self.listing: dict[str, Any] = {}
        """The answer of /api/alerts: the last alerts, newest first, the rules, what is wrong with their file."""
        self._list()

    def begin(self, running: Collection[str]) -> None:
        """Begin anew with what comes from now on; alerts that were found are kept."""
        recent = self._alerts.recent
        self._alerts = Alerts(self._rules)
        self._alerts.recent.extend(recent)
        facts = self._store.facts(["run"], list(running)).select(FACTS.names()).collect()
        self._alerts.take(Batch(POINTS.to_frame(), facts, {}, more=True))  # only the names of those who run already

    def reload(self, running: Collection[str]) -> None:
        """Take up what the store's file of rules says now; with other rules, all begins anew."""
        rules = self._all_rules()
        if rules != self._rules:
            self._rules = rules
            self.begin(running)
        self._list()

    def take(self, batch: Batch, running: Collection[str]) -> list[str]:
        """The messages of what a batch, or its lack, brought about."""
        found = self._alerts.take(batch, running)
        for alert in found[:MOST_SAID]:
            _log.warning("alert: %s", alert)
        if len(found) > MOST_SAID:
            _log.warning("alert: and %d more at once", len(found) - MOST_SAID)
        if self._webhook is not None:
            for alert in found:
                self._webhook(alert)
        if found or (batch.points.height and self._alerts.recent):
            self._list()
        return [_message(alert) for alert in found[:MOST_SAID]]

    def close(self) -> None:
        """Send no more."""
        if self._webhook is not None:
            self._webhook.close(_CLOSE_S)

    def _list(self) -> None:
        self.listing = {**self._alerts.listing(), "problem": self.problem}

    def _all_rules(self) -> tuple[str, ...]:
        """Those that were given and those of the file; the default ones where there is none."""
        given = [*self._given, *self._of_file(self._store.layout)]
        self.always = bool(given)
        return tuple(dict.fromkeys(given or DEFAULT_RULES))

    def _of_file(self, layout: Layout) -> list[str]:
        """The store's own rules."""
        path, self.problem = rules_file(layout), None
        try:
            with open_plain(path) as file:  # a pipe there must not hold up the server
                raw = file.read(_LARGEST_FILE + 1)
            if len(raw) > _LARGEST_FILE:
                raise ValueError("it is too large")  # noqa: TRY301 - said as all that is wrong with it
            rules = msgspec.json.decode(raw, type=list[str])
            if len(rules) > MOST_RULES:
                raise ValueError(f"it has {len(rules)} rules; at most {MOST_RULES}")  # noqa: TRY301 - as above
            for rule in rules:
                parse_rule(rule)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except (OSError, ValueError, RecursionError) as error:
            why = str(error).replace(f"{layout.root}/", "")  # visitors needn't know where the store lies
            self.problem = f"control/alerts.json of the store is no JSON list of rules: {why}"
            _log.warning("%s", self.problem)
            return []
        return rules


def _message(alert: Alert) -> str:
    return msgspec.json.encode({"type": "alert", **alert.as_dict()}).decode()
