"""Death and failure at each system call of saving a checkpoint and removing the one before it."""

import itertools
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from ingest.layout import Layout
from readers.checkpoints import SavedPart, find_checkpoint, list_checkpoints, load_checkpoint
from tests.crash.victims import REACHED, Template, checkpoint_state, save_checkpoint
from tests.ingest.byhand import tree


def unpickled(_: SavedPart, file: Path) -> object:
    """The test knows who wrote it."""
    return pickle.loads(file.read_bytes())


@pytest.mark.parametrize("how", ["die", "full", "broken"])
def test_saving_that_ends_at_any_step_leaves_the_old_or_the_new_checkpoint(
    template: Template, scratch: Path, how: str
) -> None:
    """Guarantee (checkpoints): whatever is listed is whole, the latest is there, and nothing else is left behind."""
    Layout(scratch / "before").create()
    save_checkpoint(Layout(scratch / "before"), 1)
    seen = set()
    for at in itertools.count(1):
        root = scratch / "store"
        shutil.copytree(scratch / "before", root)
        layout = Layout(root)
        status = template.run("checkpoint_until", root=str(root), at=at, how=how)
        there = list_checkpoints(layout, "run")
        seen.add(tuple(checkpoint.number for checkpoint in there))

        assert status in (-9, REACHED, 0), template.log.read_text()
        for checkpoint in there:
            state, wanted = load_checkpoint(layout, checkpoint, unpickled), checkpoint_state(checkpoint.number)
            np.testing.assert_array_equal(state.pop("array"), wanted.pop("array"))
            assert state == wanted, f"step {at}"
        assert find_checkpoint(layout, "run") == there[-1], f"step {at}"
        if how != "die" and len(there) == 1 and there[0].number == 1:  # the new one could not be saved
            assert [name for name in tree(root) if name.startswith("tmp/")] == [], f"step {at}"
        shutil.rmtree(root)
        if status == 0:
            break

    assert at > 20
    assert seen == {(1,), (1, 2), (2,)}
