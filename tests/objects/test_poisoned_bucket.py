"""A bucket with what nobody of ours put there: a reader reports it, leaves it out, answers the rest, and survives."""

import logging
from collections.abc import Callable
from pathlib import Path

import obstore
import polars as pl
import pyarrow as pa
import pytest

from readers.store import Store
from tests.objects.conftest import S3
from tests.objects.laid import lay, lay_live, recorded
from tests.readers.conftest import Recorder

Points = dict[str, list[tuple[int, float]]]


def points(store: Store) -> Points:
    """Each run's (step, loss)."""
    rows = store.metrics(keys=["loss"]).select("run_id", "step", "value").collect().sort("run_id", "step").rows()
    found: Points = {}
    for run_id, step, value in rows:
        found.setdefault(run_id, []).append((step, value))
    return found


def flipped(body: bytes, at: int | None = None) -> bytes:
    """One bit is another."""
    data = bytearray(body)
    data[len(data) // 2 if at is None else at] ^= 1
    return bytes(data)


HARMS: dict[str, Callable[[bytes], bytes]] = {
    "flipped": flipped,
    "flipped footer": lambda body: flipped(body, -20),
    "truncated": lambda body: body[:-10],
    "halved": lambda body: body[: len(body) // 2],
    "empty": lambda body: b"",
    "other": lambda body: b"PAR1 not really PAR1",
    "longer": lambda body: body + b"\0",
    "zeros": lambda body: bytes(len(body)),
    "endless footer": lambda body: body[:-8] + b"\xff\xff\xff\x7fPAR1",
}


@pytest.mark.parametrize("table", ["metrics", "facts", "summaries"])
@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_part_is_left_out(
    s3: S3, tmp_path: Path, table: str, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One part of one experiment isn't what was written: it is named, and all other parts are answered."""
    logged = recorded(tmp_path / "store")
    lay(tmp_path / "store", s3.store())
    key = next(key for key in s3.keys(table) if "first" in key)
    whole = bytes(obstore.get(s3.store(table), key).bytes())
    obstore.put(s3.store(table), key, HARMS[harm](whole))
    touched = set(pl.read_parquet(tmp_path / "store" / table / key)["run_id"])
    store = Store(s3.address())
    with caplog.at_level(logging.WARNING, "steplog"):
        seen = points(store)
        runs = set(store.runs().collect()["run_id"])
        last = set(store.summaries(keys=["loss"]).collect()["run_id"])
        damaged = [damage.path.name for damage in store.damaged()]

    others = {run_id: found for run_id, found in logged.items() if run_id not in touched}
    assert touched
    assert {run_id: found for run_id, found in seen.items() if run_id not in touched} == others
    assert others.keys() <= runs
    assert others.keys() <= last
    assert damaged == [key.rpartition("/")[2]]
    assert sum(key.rpartition("/")[2] in record.getMessage() for record in caplog.records) == 1
    if table == "metrics":
        assert runs == logged.keys()
        assert not touched & seen.keys()


def test_foreign_objects_change_no_answer(s3: S3, tmp_path: Path) -> None:
    """Notes, folder markers, other tools' files, names that look like ours: ignored, and listed where they lie."""
    logged = recorded(tmp_path / "store")
    lay(tmp_path / "store", s3.store())
    foreign = [
        "README.txt",
        "metrics/notes.txt",
        "metrics/experiment=first/_SUCCESS",
        "metrics/experiment=first/part-0.parquet",
        "metrics/experiment=first/deeper/w-000001.0123456789abcdef.parquet",
        "facts/w-000001.0123456789abcdef.parquet",
        "summaries/experiment=first/compacted-x.0123456789abcdef.parquet",
        "live/notes",
        "live/node/notes",
        "live/..node/000001/000000000000-000000000010.zst",
        "live/node/000001/0000000000000-000000000010.zst",
        f"live/{'n' * 300}/000001/000000000000-000000000000.zst",
        "swaps/notes.json",
        "swaps/1.json",
        "tmp/x",
        "retired/x",
        "artifacts/x",
    ]
    for key in foreign:
        obstore.put(s3.store(), key, b"not ours")
    store = Store(s3.address())

    assert points(store) == logged
    assert store.damaged() == []


@pytest.mark.parametrize("harm", ["garbage", "bomb", "torn frame", "flipped frame", "fewer", "more"])
def test_a_damaged_live_object_ends_its_segment_there(
    s3: S3, tmp_path: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What lies before it is answered, with what others logged; it is named once, and memory isn't taken for it."""
    logged = recorded(tmp_path / "store", 1)
    recorder = Recorder(tmp_path / "store")
    recorder.start("live", "first")
    for step in range(30):
        recorder.log("live", {"loss": float(step)}, step, "first")
    recorder.flush()
    lay(tmp_path / "store", s3.store())
    keys = lay_live(recorder, s3.store(), 11, 21)
    recorder.close()
    data = pa.decompress(
        bytes(obstore.get(s3.store(), keys[1]).bytes()),
        decompressed_size=_size(keys[1]),
        codec="zstd",
        asbytes=True,
    )
    harmed = {
        "garbage": b"\x00garbage" * 10,
        "bomb": _packed(bytes(64 << 20)),
        "torn frame": _packed(data[:-3] + bytes(3)),
        "flipped frame": _packed(flipped(data)),
        "fewer": _packed(data[: len(data) // 2]),
        "more": _packed(data * 3),
    }[harm]
    obstore.put(s3.store(), keys[1], harmed)
    store = Store(s3.address())
    with caplog.at_level(logging.WARNING, "steplog"):
        seen = points(store)
        store.layout.look_again()  # type: ignore[attr-defined]
        assert points(store) == seen

    assert seen == logged | {"live": [(step, float(step)) for step in range(10)]}
    assert sum(keys[1] in record.getMessage() for record in caplog.records) == 1


def _size(key: str) -> int:
    start, _, end = key.rpartition("/")[2].removesuffix(".zst").partition("-")
    return int(end) - int(start)


def _packed(data: bytes) -> bytes:
    packed: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return packed
