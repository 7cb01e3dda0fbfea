"""steplog watch: the exit code tells CI whether all was well."""

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.readers.test_webhook import Server
from tracker import ExperimentTracker

Steplog = Callable[..., Any]


@pytest.fixture
def server() -> Iterator[Server]:
    """Receives webhooks."""
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """A tracker whose run "r" goes on."""
    with ExperimentTracker(tmp_path, "e", auto_log=False) as tracker:
        tracker.start_run("r")
        yield tracker


@pytest.mark.parametrize(
    ("run", "rules", "code"),
    [
        ("good", [], 0),
        ("bad", [], 4),
        ("good", ["-f", "loss > 10"], 0),
        ("good", ["-f", "loss > 1"], 3),
        ("good", ["-f", "loss > 1", "--stop"], 3),
        ("good", ["-w", "loss > 1"], 0),
        ("bad", ["-f", "loss > 1"], 3),
        ("bad", ["-f", "loss > 10"], 4),
        ("good", ["-f", "loss > 10", "-f", "accuracy no improvement for 2"], 3),
        ("bert", ["-f", "* is nan"], 3),
        ("good", ["-f", "los > 10"], 2),
        ("bad", ["-f", "los > 10"], 2),
        ("good", ["-w", "los > 10"], 0),
        ("good", ["-f", "stalled 10x"], 0),
        ("good", ["-f", "loss is bad"], 2),
        ("nobody", [], 2),
        ("good", ["--webhook", "ftp://host/x"], 2),
    ],
)
def test_the_exit_code_of_an_ended_run(steplog: Steplog, store: Path, run: str, rules: list[str], code: int) -> None:
    """0 well, 2 asked wrongly or for a metric that never came, 3 a rule is broken, 4 the run failed."""
    assert steplog("watch", run, *rules, "--store", store).code == code


def test_it_says_what_happened(steplog: Steplog, store: Path) -> None:
    """The alert, then the end."""
    said = steplog("watch", "good", "--warn-on", "loss > 2", "--fail-on", "loss > 100", "--store", store)
    lines = said.out.splitlines()

    assert lines[0] == "alert: loss is 2.25, more than 2 (step 0, run good, rule: loss > 2)"
    assert lines[1].startswith("good: finished after")
    assert said.code == 0


def test_a_metric_that_never_came_is_named_with_those_that_did(steplog: Steplog, store: Path) -> None:
    """A rule that watched nothing must not pass for one that was kept."""
    said = steplog("watch", "good", "-f", "los > 100", "--store", store)

    assert "no metric 'los'; did you mean 'loss'?" in said.err
    assert "rule 'los > 100' watched nothing" in said.err


def test_json_lines(steplog: Steplog, store: Path) -> None:
    """Each alert, then the result."""
    said = steplog("watch", "bert", "-f", "perplexity is nan", "--json", "--store", store)
    alert, result = map(json.loads, said.out.splitlines())

    assert (alert["alert"]["key"], alert["alert"]["value"]) == ("perplexity", "NaN")
    assert (result["status"], result["exit_code"], said.code) == ("FINISHED", 3, 3)


def test_a_broken_rule_ends_the_watch_of_a_running_run(
    steplog: Steplog, running: ExperimentTracker, server: Server
) -> None:
    """It goes on; with --stop it is asked to stop, and the webhook is told."""
    running.log_metrics({"loss": math.nan})
    options = ["--store", running.root, "--webhook", server.url()]
    said = steplog("watch", "r", "-f", "loss is nan", *options)
    asked = running.should_stop()
    stopping = steplog("watch", "r", "-f", "loss is nan", "--stop", *options)

    assert (said.code, asked, stopping.code) == (3, False, 3)
    assert "r: running; a rule is broken" in said.out
    assert [json.loads(request.body)["alert"]["key"] for request in server.asked] == ["loss", "loss"]
    running.end_run()
    assert running._store().facts(kinds=["control"]).collect().height == 1


def test_a_store_that_takes_no_stop_does_not_hide_the_broken_rule(steplog: Steplog, running: ExperimentTracker) -> None:
    """It is said, and the exit code is the rule's."""
    running.log_metrics({"loss": math.nan})
    (running.root / "control").write_text("where a folder should be")
    said = steplog("watch", "r", "-f", "loss is nan", "--stop", "--store", running.root)

    assert said.code == 3
    assert "the run wasn't asked to stop: the store" in said.err


def test_the_webhook_may_stand_in_the_environment(
    steplog: Steplog, store: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody sees it in a list of processes."""
    monkeypatch.setenv("STEPLOG_WEBHOOK", server.url())
    steplog("watch", "good", "-w", "loss > 2", "--store", store)

    assert len(server.asked) == 1


def test_a_timeout_is_exit_code_5(steplog: Steplog, running: ExperimentTracker) -> None:
    """The run goes on."""
    running.log_metrics({"loss": 1.0})
    said = steplog("watch", "r", "-f", "loss > 3", "--timeout", "0", "--store", running.root)

    assert said.code == 5
    assert "r: running; the time is over" in said.out


def test_a_watch_of_another_process_ends_with_the_run(running: ExperimentTracker) -> None:
    """Live: a warning while it goes on, then its end."""
    command = [sys.executable, "-c", "from tracker.cli import main; main()", "watch", "r", "--json"]
    arguments = ["-w", "loss > 10", "-f", "loss > 100", "--store", str(running.root)]
    running.flush()
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        running.log_metrics({"loss": 11.0}, step=1)
        alert = json.loads(process.stdout.readline())
        running.log_metrics({"loss": 12.0}, step=2)
        running.end_run()
        result = json.loads(process.stdout.read())

    assert alert["alert"]["step"] == 1
    assert (result["status"], result["exit_code"], process.returncode) == ("FINISHED", 0, 0)


def test_hostile_names_are_shown_and_do_nothing(steplog: Steplog, tmp_path: Path) -> None:
    """Escapes in a run's name and in a metric's."""
    with ExperimentTracker(tmp_path, "e", auto_log=False) as tracker, tracker.start_run("a\x1b[2Jb"):
        tracker.log_metrics({"l\x1b]0;x\x07oss\n": math.nan})
    said = steplog("watch", "a\x1b[2Jb", "-f", "* is nan", "--store", tmp_path)

    assert said.code == 3
    assert "\x1b" not in said.out
    assert "l\\x1b]0;x\\x07oss\\n is NaN" in said.out
