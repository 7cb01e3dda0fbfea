"""Death and failure at each system call of promoting a model's version, and of deleting one."""

import itertools
import shutil
from pathlib import Path

import pytest

from ingest.errors import ModelNotFound
from ingest.layout import Layout
from readers.modelhistory import model_history
from tests.crash.victims import REACHED, Template, save_version
from tests.ingest.byhand import tree
from tracker.modelregistry import ModelRegistry

HOWS = ["die", "full", "broken"]


def before(root: Path) -> None:
    """Three versions, of which the first is in production."""
    Layout(root).create()
    registry = ModelRegistry(Layout(root))
    for number in (1, 2, 3):
        save_version(registry, number)
    registry.promote("m", 1, "production")


@pytest.mark.parametrize("how", HOWS)
def test_a_promotion_that_ends_at_any_step_leaves_the_old_or_the_new_version(
    template: Template, scratch: Path, how: str
) -> None:
    """The alias means one of them, every tag can be read, the same call completes it, and the history knows each."""
    before(scratch / "before")
    seen = set()
    for at in itertools.count(1):
        root = scratch / "store"
        shutil.copytree(scratch / "before", root)
        registry = ModelRegistry(Layout(root))
        status = template.run("promote_until", root=str(root), at=at, how=how)
        now = registry.aliases("m")["production"]
        seen.add(now)
        stages = [entry["tags"].get("stage") for entry in registry.entries("m")]
        told = [each["version"] for each in model_history(registry, "m") if each["what"] == "alias"]

        assert status in (-9, REACHED, 0), template.log.read_text()
        assert stages[2] is None
        assert stages[0] in {"production", "archived"}, f"step {at}"
        assert told == [1, 2][:now], f"step {at}"
        if how != "die":
            assert [name for name in tree(root) if name.startswith("tmp/")] == [], f"step {at}"
        registry.promote("m", 2, "production")
        stages = [entry["tags"].get("stage") for entry in registry.entries("m")]
        assert (registry.aliases("m"), stages) == ({"production": 2}, ["archived", "production", None]), f"step {at}"
        shutil.rmtree(root)
        if status == 0:
            break

    assert at > 20
    assert seen == {1, 2}


@pytest.mark.parametrize("how", HOWS)
def test_a_deletion_that_ends_at_any_step_leaves_the_version_whole_or_gone(
    template: Template, scratch: Path, how: str
) -> None:
    """Its number isn't given again, and what it left behind goes with the next deletion."""
    before(scratch / "before")
    seen = set()
    for at in itertools.count(1):
        root = scratch / "store"
        shutil.copytree(scratch / "before", root)
        registry = ModelRegistry(Layout(root))
        status = template.run("delete_until", root=str(root), at=at, how=how)
        there = registry.versions("m")
        seen.add(tuple(there))

        assert status in (-9, REACHED, 0), template.log.read_text()
        for version in there:
            assert registry.verified("m", version)[0].read_bytes() == b"model %d" % version, f"step {at}"
        if 3 not in there:
            with pytest.raises(ModelNotFound, match="it was deleted at"):
                registry.verified("m", 3)
            assert save_version(registry, 4) == 4
            registry.delete("m", 4)
            assert [path.name for path in (root / "models" / "m" / "3").iterdir()] == ["deleted.json"], f"step {at}"
        shutil.rmtree(root)
        if status == 0:
            break

    assert at > 8
    assert seen == {(1, 2, 3), (1, 2)}
