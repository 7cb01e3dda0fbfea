"""TensorBoard's files, as tensorboardX writes them and byte by byte, come over exactly; what is spoilt is left out."""

import struct
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.errors import ImportFailed
from readers.imports.crc32c import masked
from readers.imports.importer import import_runs
from readers.imports.outcome import ImportReport
from readers.imports.tbtensors import scalar_of
from readers.imports.tensorboard import TensorBoardLogs
from readers.imports.tfrecords import MAX_RECORD
from readers.store import Store

T = 1_700_000_000.25


def varint(number: int) -> bytes:
    """As protobuf has it."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def part(number: int, data: bytes) -> bytes:
    """A field of bytes."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def event(values: Iterable[bytes], step: int = 0, wall: float = T) -> bytes:
    """An Event with a Summary."""
    head = b"\x09" + struct.pack("<d", wall) + b"\x10" + varint(step)
    return head + part(5, b"".join(part(1, value) for value in values))


def simple(tag: str, value: float) -> bytes:
    """A value of the old form."""
    return part(1, tag.encode()) + b"\x15" + struct.pack("<f", value)


def tensor(tag: str, content: bytes, plugin: str | None = "scalars") -> bytes:
    """A value of the new form."""
    metadata = b"" if plugin is None else part(9, part(1, part(1, plugin.encode())))
    return part(1, tag.encode()) + metadata + part(8, content)


def record(data: bytes) -> bytes:
    """A framed event."""
    length = struct.pack("<Q", len(data))
    sums = [struct.pack("<I", int(masked([part])[0])) for part in (length, data)]
    return length + sums[0] + data + sums[1]


def write(folder: Path, *parts: bytes, name: str = "events.out.tfevents.1.host") -> Path:
    """A file of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(b"".join(parts))
    return path


def take(folder: Path, store: Path) -> ImportReport:
    """Import it."""
    return import_runs(TensorBoardLogs(folder), store)


def values(store: Path) -> dict[str, list[tuple[Any, float]]]:
    """(step, value) of each key."""
    found: dict[str, list[tuple[Any, float]]] = {}
    for key, step, value in Store(store).metrics().collect().sort("seq").select("key", "step", "value").iter_rows():
        found.setdefault(key, []).append((step, value))
    return found


def test_what_tensorboardx_writes_comes_over_exactly(tmp_path: Path) -> None:
    """Two runs in two folders: steps, wall times to the microsecond, float32 values, NaN."""
    from tensorboardX import SummaryWriter

    rng = np.random.default_rng(0)
    expected = {}
    for name in ("a", "b/c"):
        with SummaryWriter(str(tmp_path / "logs" / name)) as writer:
            for step in range(300):
                value = np.nan if step == 7 else np.float32(rng.normal())
                writer.add_scalar("train/loss", value, step * 10, walltime=T + step / 7)
                expected[name, step * 10] = (float(value), round((T + step / 7) * 1e6))
            writer.add_histogram("weights", rng.normal(size=100), 0)
            writer.add_text("note", "hello", 0)
    report = take(tmp_path / "logs", tmp_path / "store")
    store = Store(tmp_path / "store")
    names = dict(store.runs().collect().select("run_id", "run_name").iter_rows())
    rows = store.metrics().collect()
    found = {
        (names[run_id], step): (value, time)
        for run_id, step, value, time in rows.select("run_id", "step", "value", rows["time"].dt.epoch("us")).iter_rows()
    }

    assert repr(sorted(found.items())) == repr(sorted(expected.items()))  # repr: NaN is NaN
    assert report.runs == 2
    assert report.problems == []
    assert report.notes == ["left out, as they are no scalars: 2 histograms, 2 text"]
    assert store.experiments() == ["logs"]


def test_hparams_become_params(tmp_path: Path) -> None:
    """Numbers, texts and booleans, as tensorboardX's add_hparams writes them into a run of its own."""
    from tensorboardX import SummaryWriter

    with warnings.catch_warnings(), SummaryWriter(str(tmp_path / "logs")) as writer:
        warnings.simplefilter("ignore")
        writer.add_hparams({"lr": 0.1, "layers": 3, "optimizer": "adam", "amp": True}, {"accuracy": 0.5}, name="trial")
    take(tmp_path / "logs", tmp_path / "store")
    [run] = [run for run in Store(tmp_path / "store").experiment_runs() if run["params"]]

    assert run["run_name"] == "trial"
    assert run["params"] == {"lr": 0.1, "layers": 3, "optimizer": "adam", "amp": True}
    assert run["metrics"] == {"accuracy": 0.5}


def test_scalars_of_tensorflow_2_are_tensors(tmp_path: Path) -> None:
    """The plugin is named in a tag's first event only; other plugins' tensors are left out."""
    double = part(4, struct.pack("<d", 0.1)) + b"\x08\x02"
    events = [
        event([tensor("loss", double), tensor("pic", double, "images")], 1),
        event([tensor("loss", double, None), tensor("odd", double, None)], 2),
        event([tensor("loss", b"\x08\x02\x12\x00", None)], 3),  # zero isn't written
    ]
    write(tmp_path / "logs", *map(record, events))
    report = take(tmp_path / "logs", tmp_path / "store")

    assert values(tmp_path / "store") == {"loss": [(1, 0.1), (2, 0.1), (3, 0.0)]}
    assert report.notes == ["left out, as they are no scalars: 1 images, 1 tensors"]


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"\x08\x01" + part(5, struct.pack("<f", 0.5)), 0.5),
        (b"\x08\x02" + part(6, struct.pack("<d", -0.1)), -0.1),
        (b"\x08\x09" + part(10, varint(-3)), -3.0),
        (b"\x08\x09\x50" + varint(2**40), 2.0**40),
        (b"\x08\x0a" + part(11, b"\x01"), 1.0),
        (b"\x08\x13" + part(13, varint(0x3C00)), 1.0),
        (b"\x08\x0e" + part(4, b"\x80\x3f"), 1.0),
        (b"\x08\x03" + part(2, part(2, b"\x08\x01")) + part(4, struct.pack("<i", 7)), 7.0),
    ],
)
def test_a_scalar_may_be_of_any_type(content: bytes, value: float) -> None:
    """Packed, in a field alone, or as raw bytes."""
    assert scalar_of(content) == value


@pytest.mark.parametrize(
    "content", [b"", b"\x08\x07", b"\x08\x01" + part(4, bytes(8)), b"\x08\x01" + part(4, bytes(3))]
)
def test_a_tensor_that_is_no_scalar_is_refused(content: bytes) -> None:
    """Text, two values, half a value."""
    with pytest.raises(ValueError, match=r"tensor|buffer"):
        scalar_of(content)


@pytest.mark.parametrize("size", [0, 1, 3, 4, 9, 31, 4096, 4097, 70_001])
def test_the_checksum_is_crc32c(size: int) -> None:
    """Records of one length, as many as take each way of counting, against the definition."""

    def by_definition(data: bytes) -> int:
        total = 0xFFFFFFFF
        for byte in data:
            total ^= byte
            for _ in range(8):
                total = (total >> 1) ^ (0x82F63B78 if total & 1 else 0)
        total ^= 0xFFFFFFFF
        return ((total >> 15 | total << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF

    rng = np.random.default_rng(size)
    some = [rng.bytes(size) for _ in range(1 if size > 100 else 3)]
    many = some * 70 if size < 5000 else some

    assert masked(many).tolist()[: len(some)] == [by_definition(data) for data in some]
    assert masked(many).tolist() == masked(some).tolist() * (len(many) // len(some))


def test_the_checksum_of_the_standard_is_met() -> None:
    """RFC 3720, B.4: 32 zeros give 8a9136aa."""
    total = 0x8A9136AA

    assert int(masked([bytes(32)])[0]) == ((total >> 15 | total << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


def scalars(n: int) -> list[bytes]:
    """Framed events."""
    return [record(event([simple("loss", step)], step)) for step in range(n)]


def test_a_torn_tail_is_said_and_grows_later(tmp_path: Path) -> None:
    """What came before it is there; when its writer goes on, the rest comes too."""
    parts = scalars(4)
    path = write(tmp_path / "logs", *parts[:3], parts[3][:-5])
    report = take(tmp_path / "logs", tmp_path / "store")
    path.write_bytes(b"".join(parts))
    again = take(tmp_path / "logs", tmp_path / "store")

    assert report.points == 3
    assert [line.startswith(f"{path}: offset {sum(map(len, parts[:3]))}: ") for line in report.problems] == [True]
    assert (again.points, again.continued, again.problems) == (1, 1, [])
    assert sorted(values(tmp_path / "store")["loss"]) == [(step, float(step)) for step in range(4)]


def test_a_flipped_bit_costs_one_record(tmp_path: Path) -> None:
    """If it is in the data; in a length, nobody knows where the next record begins."""
    parts = scalars(4)
    data, length = bytearray(parts[1]), bytearray(parts[1])
    data[20] ^= 4
    length[1] ^= 4
    write(tmp_path / "logs/data", parts[0], bytes(data), *parts[2:])
    write(tmp_path / "logs/length", parts[0], bytes(length), *parts[2:])
    report = take(tmp_path / "logs", tmp_path / "store")

    assert report.points == 3 + 1
    assert ["checksum" in line and f"offset {len(parts[0])}" in line for line in report.problems] == [True, True]


@pytest.mark.parametrize("length", [MAX_RECORD + 1, 2**63, 2**64 - 1])
def test_a_giant_length_is_refused(tmp_path: Path, length: int) -> None:
    """Even with a right checksum; nothing of it is read."""
    head = struct.pack("<Q", length)
    write(tmp_path / "logs", *scalars(1), head, struct.pack("<I", int(masked([head])[0])), bytes(100))
    report = take(tmp_path / "logs", tmp_path / "store")

    assert report.points == 1
    assert [f"{length:,} bytes" in line for line in report.problems] == [True]


@pytest.mark.parametrize("data", [b"\xff" * 20, b"\x2a\xff", b"\x0b", part(5, part(1, b"\x0a\x01\xff\x15abcd"))])
def test_a_whole_record_that_is_no_event_is_left_out(tmp_path: Path, data: bytes) -> None:
    """Garbage under a right checksum, a tag that is no UTF-8."""
    parts = scalars(2)
    write(tmp_path / "logs", parts[0], record(data), parts[1])
    report = take(tmp_path / "logs", tmp_path / "store")

    assert report.points == 2
    assert ["is no event" in line for line in report.problems] == [True]


def test_any_damage_is_left_out_and_nothing_else(tmp_path: Path) -> None:
    """Bytes changed, cut out or put in at random: every point that comes is one that was written."""
    rng = np.random.default_rng(0)
    whole = b"".join(scalars(50))
    for number in range(100):
        data = bytearray(whole)
        for _ in range(3):
            at = int(rng.integers(len(data)))
            data[at : at + int(rng.integers(3))] = rng.bytes(int(rng.integers(3)))
        write(tmp_path / f"logs/{number}", bytes(data))
    report = take(tmp_path / "logs", tmp_path / "store")
    rows = Store(tmp_path / "store").metrics().collect()

    assert 100 < rows.height < 5000
    assert (rows["value"] == rows["step"]).all()
    assert (report.runs, report.left_out) == (100, 0)
    assert len({line.split(":")[0] for line in report.problems}) > 90


def test_a_file_of_nothing_but_damage_is_said_in_few_words(tmp_path: Path) -> None:
    """Not a line for each of its records."""
    parts = [bytearray(part) for part in scalars(100)]
    for part in parts:
        part[-1] ^= 1
    write(tmp_path / "logs", *map(bytes, parts))
    report = take(tmp_path / "logs", tmp_path / "store")

    assert (report.points, len(report.problems)) == (0, 21)
    assert "80 more" in report.problems[-1]


def test_names_that_are_no_text_do_not_stop_it(tmp_path: Path) -> None:
    """Files may have any bytes for a name."""
    write(tmp_path / "logs/\udcff", *scalars(2))
    report = take(tmp_path / "logs", tmp_path / "store")

    assert report.points == 2
    assert Store(tmp_path / "store").runs().collect()["run_name"].to_list() == ["\\udcff"]


def test_several_files_of_a_folder_are_one_run(tmp_path: Path) -> None:
    """In the order of their names; the folder itself is the run ".", and points of a restart are kept."""
    write(tmp_path / "logs", *scalars(3), name="events.out.tfevents.1")
    write(tmp_path / "logs", *scalars(2), name="events.out.tfevents.2")
    take(tmp_path / "logs", tmp_path / "store")

    assert [step for step, _ in values(tmp_path / "store")["loss"]] == [0, 1, 2, 0, 1]
    assert Store(tmp_path / "store").runs().collect()["run_name"].to_list() == ["."]


def test_a_run_lasts_from_its_first_point_to_its_last(tmp_path: Path) -> None:
    """Of whichever tag they are."""
    tags = [("b", T + 5), ("a", T), ("b", T + 7), ("a", T + 9)]
    write(tmp_path / "logs", *(record(event([simple(tag, 1)], wall=wall)) for tag, wall in tags))
    take(tmp_path / "logs", tmp_path / "store")
    [run] = Store(tmp_path / "store").experiment_runs()

    assert run["start_time"] is not None
    assert run["end_time"] is not None
    assert (run["start_time"].timestamp(), run["end_time"].timestamp()) == (T, T + 9)


def test_times_that_are_none_are_left_out(tmp_path: Path) -> None:
    """NaN, and years that no table has."""
    odd = [record(event([simple("loss", 1)], wall=wall)) for wall in (float("nan"), 1e300)]
    write(tmp_path / "logs", *scalars(2), *odd)
    report = take(tmp_path / "logs", tmp_path / "store")

    assert (report.points, len(report.problems)) == (2, 2)


def test_a_folder_without_event_files_is_said(tmp_path: Path) -> None:
    """So is one that isn't there."""
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(ImportFailed, match="log folder"):
            TensorBoardLogs(folder)
