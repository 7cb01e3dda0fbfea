"""Sealing of segments larger than a row group: piece by piece, and the same as in one."""

from itertools import count
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ingest.events import STEP_INT
from ingest.frames import frame
from ingest.layout import Layout
from ingest.parts import METRICS_ROW_GROUP
from ingest.sealing import Contents, seal
from ingest.shapes import Binding
from tests.ingest.byhand import RUN

CALLS, KEYS = 30_000, ("b", "a", "ab", "c", "z")  # 150,000 points: one row group and a bit, cut in the middle of "z"


@pytest.fixture(scope="module")
def frames() -> bytes:
    """A queue file's bytes: two experiments, of which the second is small."""
    data = bytearray()

    def write(more: bytes) -> int:
        data.extend(more)
        return len(more)

    shapes = count()
    for experiment, calls in (("e", CALLS), ("small", 10)):
        binding = Binding(write, RUN, experiment, shapes)
        packer = binding.packer(KEYS, STEP_INT)
        assert packer is not None
        for step in range(calls):
            data += frame(packer[0](packer[1], 1_000 * step, step, *(step + 0.5 * place for place in range(len(KEYS)))))
    return bytes(data)


def test_a_large_segment_is_sealed_a_row_group_at_a_time(frames: bytes, scratch: Path) -> None:
    """What is laid out as a table at once is bounded; the file is sorted by key and seq all the same."""
    contents = Contents.of_queue("w", 1, frames)
    sizes = [len(metrics) for metrics, _ in contents.pieces("e")]
    layout = Layout(scratch / "store")
    layout.create()
    paths = {path.parts[-3:-1]: path for path in seal(layout, contents)}
    table = pq.ParquetFile(paths["metrics", "experiment=e"]).read()

    assert sizes == [METRICS_ROW_GROUP, CALLS * len(KEYS) - METRICS_ROW_GROUP]
    assert table["key"].to_pylist() == [key for key in sorted(KEYS) for _ in range(CALLS)]
    assert (table["step"].to_numpy() == np.tile(np.arange(CALLS), len(KEYS))).all()
    assert table["value"].to_numpy()[-1] == CALLS - 1 + 0.5 * KEYS.index("z")
    assert pq.ParquetFile(paths["metrics", "experiment=small"]).metadata.num_rows == 10 * len(KEYS)


def test_a_key_that_is_cut_in_two_has_one_summary(frames: bytes, scratch: Path) -> None:
    """Folded together as if it had been one piece; also when an earlier try had published the metrics."""
    layout = Layout(scratch / "store")
    layout.create()
    first = seal(layout, Contents.of_queue("w", 1, frames))
    (path,) = (path for path in first if path.parts[-3:-1] == ("summaries", "experiment=e"))
    rows = pq.ParquetFile(path).read().to_pylist()
    path.unlink()
    again = seal(layout, Contents.of_queue("w", 1, frames))

    assert [(row["key"], row["count"], row["first_step"], row["last_step"]) for row in rows] == [
        (key, CALLS, 0.0, CALLS - 1.0) for key in sorted(KEYS)
    ]
    values = np.arange(CALLS) + 0.5 * KEYS.index("z")
    assert (rows[-1]["min"], rows[-1]["max"]) == (values[0], values[-1])
    assert rows[-1]["mean"] == pytest.approx(values.mean(), rel=1e-12)
    assert rows[-1]["m2"] == pytest.approx(((values - values.mean()) ** 2).sum(), rel=1e-12)
    assert [path.name for path in again] == [path.name for path in first]
