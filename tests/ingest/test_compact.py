"""Compaction: every row once at every moment, damaged parts left alone, a swap finished or taken back."""

import os
import shutil
import threading
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest import compact as compaction
from ingest.catalog import Swap, read_swap, snapshot
from ingest.compact import compact, compact_if_due
from ingest.layout import TABLES, Layout, Table
from ingest.recovery import remove_scratch
from ingest.tables import FACTS, METRICS, SUMMARIES
from tests.ingest.byhand import ByHand, Row, numbers_of, rows_of, tree

SCHEMAS: dict[Table, pa.Schema] = {"metrics": METRICS, "facts": FACTS, "summaries": SUMMARIES}


def many_parts(root: Path, parts: int = 6, each: int = 10) -> Layout:
    """A store with a part for every few events."""
    hand = ByHand(root, first_segment_bytes=1 << 16, segment_bytes=1 << 16)
    for number in range(parts * each):
        hand.point("m", number)
        hand.param("p", number)
        if number % each == each - 1:
            hand.step(seal_now=True)
    hand.finish()
    return hand.layout


def parts_of(layout: Layout, table: Table = "metrics") -> list[str]:
    """Names of the files that count."""
    return sorted(part.path.name for part in snapshot(layout, table).parts)


def test_small_parts_become_one_and_every_row_is_there_once(tmp_path: Path) -> None:
    """The same rows, sorted by run and key, in one file a table; the replaced files are kept for a while."""
    layout = many_parts(tmp_path)
    before = numbers_of(layout)
    report = compact(layout)

    assert (report.files_before, report.files_after) == (18, 3)
    assert numbers_of(layout) == before
    for table in TABLES:
        (part,) = snapshot(layout, table).parts
        assert part.path.name.startswith("compacted-")
        assert pq.read_schema(part.path).equals(SCHEMAS[table])
        assert len([name for name in tree(tmp_path) if name.startswith(f"retired/{table}/")]) == 6
    assert compact(layout).files_before == 0


def test_what_was_written_at_one_time_is_merged_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one file would be too large: parts of all sizes in the order of their times, none across another."""
    hand, number = ByHand(tmp_path), 0
    for size in (400, 5) * 4:
        for _ in range(size):
            hand.point("m", number)
            number += 1
        hand.step(seal_now=True)
    hand.finish()
    parts = sorted(snapshot(hand.layout, "metrics").parts, key=lambda part: part.segment)
    for place, part in enumerate(parts):
        os.utime(part.path, (place, place))
    monkeypatch.setattr(compaction, "_MOST_BYTES", sum(part.path.stat().st_size for part in parts) // 2)
    compact(hand.layout)

    merged = [pq.read_table(part.path)["value"].to_pylist() for part in snapshot(hand.layout, "metrics").parts]
    assert len(merged) > 1
    assert sum(map(len, merged)) == number
    assert all(max(values) - min(values) == len(values) - 1 for values in merged)


def test_compaction_twice_changes_nothing(tmp_path: Path) -> None:
    """One file is worth no merge."""
    layout = many_parts(tmp_path)
    compact(layout)
    once = tree(tmp_path)
    compact(layout)

    assert tree(tmp_path) == once


def test_parts_of_live_segments_are_left_alone(tmp_path: Path) -> None:
    """A seal that was cut short after publishing finds its parts under their own names."""
    layout = many_parts(tmp_path)
    name = parts_of(layout)[0]
    writer, number = name.split(".")[0].rsplit("-", 1)
    folder = layout.writer(writer)
    folder.mkdir(parents=True)
    (folder / f"{number}.queue").write_bytes(b"")
    compact(layout)

    assert (layout.partition("metrics", "e") / name).exists()
    (folder / f"{number}.queue").unlink()
    assert sorted(row.number for row in rows_of(layout)) == list(range(60))


def test_a_damaged_part_is_left_alone_and_reported(tmp_path: Path) -> None:
    """Its bytes don't match its name: it is neither merged nor retired."""
    layout = many_parts(tmp_path)
    path = layout.partition("metrics", "e") / parts_of(layout)[2]
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    report = compact(layout)

    assert len(report.damaged) == 1
    assert path.name in report.damaged[0]
    assert path.read_bytes() == data
    assert len(parts_of(layout)) == 2


def test_only_one_process_compacts_at_a_time(tmp_path: Path) -> None:
    """The second finds the lock taken and says so."""
    layout = many_parts(tmp_path)
    with compaction._only_one(layout) as alone:
        assert alone
        assert compact(layout).busy
    assert not compact(layout).busy


def crash_after_the_swap_was_written(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Swap:
    """Leave compaction.json with a swap that nobody has begun to do."""
    monkeypatch.setattr(compaction, "_finish_swap", lambda _: None)
    monkeypatch.setattr(compaction, "TABLES", ("metrics",))
    compact(layout)
    monkeypatch.undo()
    swap = read_swap(layout)
    assert swap.part
    return swap


def test_a_swap_that_was_cut_short_counts_already_and_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once written down, readers take the merged part for those it replaces; the next compaction does the rest."""
    layout = many_parts(tmp_path)
    swap = crash_after_the_swap_was_written(layout, monkeypatch)

    assert parts_of(layout) == [Path(swap.part).name]
    assert [row.number for row in rows_of(layout)] == list(range(60))
    compact(layout, fewest=99)
    assert (tmp_path / swap.part).exists()
    assert not read_swap(layout).part
    assert [row.number for row in rows_of(layout)] == list(range(60))


def test_a_swap_left_alone_over_the_weekend_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the merged file was removed as old scratch, and the parts it stood for were retired without it."""
    layout = many_parts(tmp_path)
    swap = crash_after_the_swap_was_written(layout, monkeypatch)
    os.utime(tmp_path / swap.scratch, (1, 1))
    remove_scratch(layout)

    assert [row.number for row in rows_of(layout)] == list(range(60))
    compact(layout)
    assert [row.number for row in rows_of(layout)] == list(range(60))


@pytest.mark.parametrize("moved", [0, 3, 6])
def test_a_swap_whose_file_is_gone_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: int) -> None:
    """Somebody emptied tmp/: the parts it was made of count again, also those that were retired already."""
    layout = many_parts(tmp_path)
    swap = crash_after_the_swap_was_written(layout, monkeypatch)
    (tmp_path / swap.scratch).unlink()
    for path in swap.replaces[:moved]:
        (layout.retired / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).rename(layout.retired / path)
    compact(layout, fewest=99)

    assert [row.number for row in rows_of(layout)] == list(range(60))
    assert not read_swap(layout).part


def test_replaced_parts_stay_for_the_grace_period(tmp_path: Path) -> None:
    """Readers that listed them before find them; after it they go."""
    layout = many_parts(tmp_path)
    compact(layout)
    retired = [tmp_path / name for name in tree(tmp_path) if name.startswith("retired/")]
    compact(layout)
    assert all(path.exists() for path in retired)
    for path in retired:
        os.utime(path, (1, 1))
    compact(layout)

    assert not any(path.exists() for path in retired)
    assert numbers_of(layout)["m"] == list(range(60))


def test_a_snapshot_is_exact_while_parts_are_merged_again_and_again(tmp_path: Path) -> None:
    """Guarantee (snapshot): readers that list all the time see each row once, at every moment of many swaps."""
    layout = many_parts(tmp_path, parts=12, each=5)
    done = threading.Event()
    looked = threading.Semaphore(0)

    def merge_in_pairs() -> None:
        for _ in range(12):
            looked.acquire(timeout=1.0)  # so that each swap has a look before it, and looks go on meanwhile
            parts = list(snapshot(layout, "metrics").parts)[:2]
            if len(parts) == 2:
                compaction._merge(layout, "metrics", parts, compaction.CompactionReport())
        done.set()

    merging = threading.Thread(target=merge_in_pairs)
    merging.start()
    looks = 0
    while not done.is_set():
        found = [int(row.number) for row in _patient(layout)]
        assert sorted(found) == list(range(60))
        looks += 1
        looked.release()
    merging.join()

    assert looks > 3
    assert len(parts_of(layout)) == 1


def _patient(layout: Layout) -> list[Row]:
    """Read, and begin anew when a part was moved between listing and reading, as our readers do."""
    for _ in range(1000):
        try:
            return rows_of(layout)
        except FileNotFoundError:
            continue
    raise AssertionError


def test_compaction_begins_by_itself_when_small_parts_pile_up(tmp_path: Path) -> None:
    """Below the limit nothing happens; at it the parts are merged."""
    layout = many_parts(tmp_path)
    compact_if_due(layout, 7)
    assert len(parts_of(layout)) == 6
    compact_if_due(layout, 6)

    assert len(parts_of(layout)) == 1


def test_a_writer_compacts_while_it_writes(tmp_path: Path) -> None:
    """Sealing many small segments doesn't leave many small files."""
    hand = ByHand(tmp_path, compact_files=8)
    for number in range(200):
        hand.point("m", number)
        if number % 5 == 4:
            hand.step(seal_now=True)
    hand.finish()

    assert len(parts_of(hand.layout)) < 12
    assert numbers_of(hand.layout) == {"m": list(range(200))}
    assert hand.writer.faults.count == 0


def test_experiments_are_not_mixed(tmp_path: Path) -> None:
    """A part belongs to one experiment's folder."""
    hand = ByHand(tmp_path, first_segment_bytes=1 << 16, segment_bytes=1 << 16)
    for number in range(40):
        hand.point("m", number, run=f"r{number % 2}", experiment=f"e{number % 2}")
        if number % 10 == 9:
            hand.step(seal_now=True)
    hand.finish()
    compact(hand.layout)

    assert sorted(part.experiment for part in snapshot(hand.layout, "metrics").parts) == ["e0", "e1"]
    assert numbers_of(hand.layout) == {"m": list(range(40))}


def test_a_full_disk_leaves_the_store_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge that can't be written changes nothing."""
    layout = many_parts(tmp_path)
    before = tree(tmp_path / "metrics")
    monkeypatch.setattr("ingest.parts.write_rows", _full)
    with pytest.raises(OSError, match="No space"):
        compact(layout)

    assert tree(tmp_path / "metrics") == before
    assert [name for name in tree(tmp_path) if name.startswith("tmp/")] == []


def _full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_store_deleted_in_the_middle_is_an_error_not_a_loop(tmp_path: Path) -> None:
    """Compaction of what isn't there says so."""
    layout = many_parts(tmp_path / "store")
    shutil.rmtree(layout.root)
    with pytest.raises(FileNotFoundError):
        compact(layout)


def test_the_swap_is_plain_json(tmp_path: Path) -> None:
    """People can read what is going on."""
    layout = many_parts(tmp_path)
    compact(layout)
    found = msgspec.json.decode(layout.compaction_file.read_bytes())

    assert found["generation"] == 6
    assert found["part"] == ""
