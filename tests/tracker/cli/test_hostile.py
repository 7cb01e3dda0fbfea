"""Names come from anywhere: nothing in them reaches the terminal as anything but text."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracker import ExperimentTracker

Steplog = Callable[..., Any]
EVIL = "\x1b]0;owned\x07\x1b[31m[red][link=http://x]a[/red]\u202egnp.exe\u2066\n\r\t\x00\u2028\u200bend"
ALLOWED = {"\n"}


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A store in which every name is hostile."""
    with ExperimentTracker(tmp_path, EVIL, auto_log=False) as tracker, tracker.start_run(EVIL):
        tracker.log_params({EVIL: EVIL, "nested": {EVIL: [EVIL]}})
        tracker.set_tags({EVIL: EVIL})
        tracker.log_metrics({EVIL.replace("\x00", ""): 1.0, "nan": float("nan"), "inf": float("-inf")})
        tracker.log_text("x", "a\x1b[31m[red]\u202e.txt")
    return tmp_path


def active(text: str) -> set[str]:
    """The characters of a text that a terminal would act on."""
    return {c for c in text if c not in ALLOWED and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}


@pytest.mark.parametrize(
    "command",
    [
        ("ls",),
        ("show", EVIL),
        ("show", "nope"),
        ("tail", "-n", EVIL),
        ("ls", "-e", "nope"),
        ("ls", "--sort", "nope"),
        ("compare", EVIL, EVIL, "--all"),
        ("compare", "-e", EVIL),
        ("compare", "-e", EVIL, "-g", EVIL),
        ("best", EVIL),
        ("best", "-m", "nope"),
        ("importance", EVIL),
        ("query",),
        ("query", "nope > 1"),
        ("query", "`" + EVIL),
        ("query", "--sql", "SELECT * FROM params"),
        ("query", "--sql", f"SELECT {EVIL}"),
        ("export", "nope", "--to", "a.csv"),
    ],
    ids=lambda command: " ".join(command)[:12],
)
def test_nothing_active_is_printed(steplog: Steplog, hostile: Path, command: tuple[str, ...]) -> None:
    """No control, no direction, no hidden character comes out, on stdout or stderr."""
    if "\x00" in EVIL:
        command = tuple(part.replace("\x00", "") if part.startswith("-") else part for part in command)
    said = steplog(*command, "--store", hostile)

    assert active(said.out) == set()
    assert active(said.err) == set()
    assert "Traceback" not in said.err


def test_markup_is_shown_and_not_obeyed(steplog: Steplog, hostile: Path) -> None:
    """Rich's own brackets are text."""
    assert "[red][link=http://x]a[/red]" in steplog("show", EVIL, "--store", hostile).out


@pytest.mark.parametrize(
    "command",
    [
        ("ls",),
        ("show", EVIL),
        ("tail", "-n", EVIL),
        ("compare", EVIL),
        ("best", EVIL),
        ("importance", EVIL),
        ("query",),
        ("query", "--sql", "SELECT * FROM wide"),
    ],
    ids=lambda command: command[0],
)
def test_json_is_ascii_and_valid(steplog: Steplog, hostile: Path, command: tuple[str, ...]) -> None:
    """Strict JSON, and nothing in it acts on a terminal either."""
    said = steplog(*command, "--json", "--store", hostile)
    texts = said.out.splitlines() if command[0] == "tail" else [said.out]

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    assert said.out.isascii()
    assert [json.loads(text, parse_constant=refuse) for text in texts]
