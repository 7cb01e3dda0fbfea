"""What the modules promise is what the tests break: each promise is named in a test."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"Guarantee \(([^)]+)\)")


def docstrings(path: Path) -> list[str]:
    """Of a module, its classes and its functions."""
    nodes = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
    ]
    return [ast.get_docstring(node) or "" for node in nodes]


PROMISED = sorted(
    {name for path in (ROOT / "ingest").glob("*.py") for text in docstrings(path) for name in NAMED.findall(text)}
)
TESTED = {
    name.strip()
    for path in (ROOT / "tests").rglob("test_*.py")
    for text in docstrings(path)
    for names in NAMED.findall(text)
    for name in names.split(",")
}


@pytest.mark.parametrize("name", PROMISED)
def test_a_promise_of_a_module_is_named_in_a_test(name: str) -> None:
    """Who reads the promise can find what holds the code to it."""
    assert name in TESTED


def test_no_promise_is_dropped_or_renamed_silently() -> None:
    """The list of what the way in promises."""
    assert set(PROMISED) == {
        "acknowledged",
        "back-pressure",
        "compaction",
        "ending",
        "flushed",
        "fork",
        "order",
        "recovery",
        "sealed",
        "snapshot",
        "training goes on",
    }
