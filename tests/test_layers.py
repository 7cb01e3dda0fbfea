"""Imports go one way: tracker -> readers -> ingest. The architecture is what these tests let through."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {"ingest": {"ingest"}, "readers": {"ingest", "readers"}, "tracker": {"ingest", "readers", "tracker"}}
MODULES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Each import statement below, with the module it names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node, "." * node.level + (node.module or "")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path: Path) -> None:
    """A module imports only from its own layer and those below."""
    allowed = MAY_IMPORT[path.relative_to(ROOT).parts[0]]
    ours = {name for _, name in imported(ast.parse(path.read_text())) if name.split(".")[0] in MAY_IMPORT}

    assert {name for name in ours if name.split(".")[0] not in allowed} == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_are_absolute(path: Path) -> None:
    """One way to name a module, so that a search finds every use of it."""
    names = [name for _, name in imported(ast.parse(path.read_text()))]

    assert [name for name in names if name.startswith(".")] == []


def test_only_the_lazy_front_door_imports_packages_by_name() -> None:
    """No module gets round the rule with importlib, but for the two whose task is to import late."""
    users = {
        str(path.relative_to(ROOT))
        for path in MODULES
        for node, name in imported(ast.parse(path.read_text()))
        if name.split(".")[0] == "importlib" and name != "importlib.metadata"
    }

    assert users <= {"tracker/__init__.py", "readers/__init__.py"}
