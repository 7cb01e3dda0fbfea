"""The README is true: its code runs as it stands, its commands exist, its figures of speech are the program's own."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from ingest.compact import RETIRED_S
from ingest.settings import MIB, PipelineSettings
from tracker.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]
TEST_COMMAND = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest"
DEMO_COMMAND = "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/steplog demo"


def blocks(language: str) -> list[str]:
    """The README's code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.timeout(120)  # a study of forty runs, its report, a search for a model, what it imports: 20 s of one core
def test_python_blocks_run_one_after_the_other(tmp_path: Path) -> None:
    """As a reader would paste them, in an empty folder."""
    script = "\n".join(blocks("python"))
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "first try" in done.stdout
    assert len(re.findall(r"\bloss\b", done.stdout)) == 5 + 5 + 1 + 5  # our reader, Polars, DuckDB's group, pandas


def test_the_first_code_is_fifteen_lines() -> None:
    """What a reader takes in at a glance."""
    lines = [line for line in blocks("python")[0].splitlines() if line and not line.startswith(("import", "from"))]

    assert len(lines) <= 15


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme_and_has_help(name: str) -> None:
    """A command that nobody is told of isn't there."""
    command = get_command(app).commands[name]  # type: ignore[attr-defined]

    assert re.search(rf"^\| `steplog {name}\b", README, re.MULTILINE)
    assert command.help
    assert all(getattr(parameter, "help", None) for parameter in command.params)


def test_every_command_of_the_readme_exists() -> None:
    """The other way round."""
    assert set(re.findall(r"steplog (\w+)", " ".join(re.findall(r"`([^`]+)`", README)))) <= set(COMMANDS)


def test_every_option_of_the_readme_exists() -> None:
    """Options too."""
    known = {
        option
        for command in get_command(app).commands.values()  # type: ignore[attr-defined]
        for one in (command, *getattr(command, "commands", {}).values())
        for parameter in one.params
        for option in parameter.opts
    }

    assert set(re.findall(r"`(--[a-z-]+)", README)) <= known


def test_the_two_commands_are_what_ci_runs() -> None:
    """CI passes the tests with the very line that the README gives."""
    ci = (ROOT / ".ci" / "run").read_text()

    assert blocks("sh") == [f"{DEMO_COMMAND}\n", f"{TEST_COMMAND}\n"]
    assert TEST_COMMAND in ci


def test_environment_variables_are_those_the_code_reads() -> None:
    """Each STEPLOG_ variable in the source is in the README, and none more."""
    sources = [
        path.read_text() for package in ("tracker", "ingest", "readers") for path in (ROOT / package).rglob("*.py")
    ]
    read = {name for source in sources for name in re.findall(r"\bSTEPLOG_[A-Z_]+\b", source)} - {"STEPLOG_"}

    assert set(re.findall(r"^\| `(STEPLOG_[A-Z_]+)`", README, re.MULTILINE)) == read


def test_its_numbers_are_the_defaults() -> None:
    """What it says of times and sizes is what the settings say."""
    settings = PipelineSettings()

    assert f"every {settings.seal_interval_s:g} s, or at {settings.segment_bytes // MIB} MiB" in README
    assert f"every {settings.sync_interval_s:g} s (`sync_interval_s`)" in README
    assert f"{settings.end_seal_delay_s:g} s after the last run ended, every {settings.seal_interval_s:g} s" in README
    assert f"looks of the background thread at the queue (default {settings.flush_interval_s:g})" in README
    assert RETIRED_S == 600  # "for ten minutes"
    assert "for ten minutes" in README


def test_every_module_the_readme_names_exists() -> None:
    """A reader who follows a path arrives."""
    paths = re.findall(r"`((?:tracker|ingest|readers|benchmarks)/[\w/]+\.py)`", README)

    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_changelog_has_this_version() -> None:
    """With a date."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert re.search(rf"^### \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", README, re.MULTILINE)
