"""Files of wandb's offline runs: one that wandb wrote itself, and others made byte by byte, whole, torn and spoilt."""

import random
import zlib
from base64 import b85decode
from collections.abc import Iterable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest

from ingest.errors import ImportFailed
from readers.imports.importer import import_runs
from readers.imports.leveldblog import BLOCK, FIRST, FULL, HEAD, LAST, MIDDLE, records
from readers.imports.wandb import WandbExport
from readers.imports.wandbfile import HEADER, RunFile
from readers.store import Store

SCRIPT = """
import wandb

settings = wandb.Settings(x_disable_stats=True, x_disable_meta=True, console="off", host="node", save_code=False)
config = {"lr": 0.1, "net": {"depth": 3, "widths": [1, 2]}, "name": "é"}
run = wandb.init(
    mode="offline", project="vision", id="abc123", name="fast owl", group="g", job_type="train", tags=["x", "y"],
    notes="try", config=config, settings=settings,
)
run.log({"loss": 0.5, "net": {"norm": 1}, "word": "x"})
run.log({"loss": float("nan"), "acc": True})
run.log({"loss": float("inf"), "acc": 0.75}, step=10)
run.summary["best"] = 0.25
run.config.update({"late": True})
run.finish(exit_code=1)
"""
"""What wrote the file below, with wandb 0.31.0."""
WRITTEN = zlib.decompress(
    b85decode(
        "c-p;HO-$2J9OrGL)W;a3Ai*9CsZo*5+SjjjGb9APs0jxTiWswWZRfg-ZnkeQLKb0O3|#z(2aE@!@qqEDCdTLi#BeZr@xaMQ;(?=yR}+0hh~<"
        "F5L2hmO|NnmP_t7?W@yNi++lGhPne@2^K!f=(4JkciAW?b>PQoNSA@CC7g&0z@nvpRS4VlPLjI5zr63VJtM%FT>i6p}^MAH-vh7$OMzzdT<="
        "Q_U;#6S&1xNuHzHOW!Rx@n6(ifJ$pHm+G})b{M6!wtd~NTtVg$IR3~V4?~k3>4fN2nsxc91J=Zt^sy}Gp!QNaVaUzjoBv7d0gr;ii=mOWIg2"
        "QBUTNBxP>`R1Xojy*wt-kfX?b3?k<iM&IYkNejZfLgYkUGDVo+a2-7zgZ!c5PTQjR~g7-m;ZSDp+Py!V&2>?e)JVJb;m-^#IK3uS!a^-kMQ`"
        "4&4Uz(X^iPWIj2|HlawXT(I*BY@L?D4pQyTFq#pOh3C2>GNB?}p*=j{|m$05q~k;eKY_9Hz-FJJ_xZ1p<sfI_<lE29902PBtiZ0*0B;SkX0!"
        "gItA!hZ&fzPkC4$Db+wHAx$c>oRl?$B$P-9vK14Ou#55GH4D6`Dv~TAS%u9^W7@-3X^oa(7mA*@mW~2jnR+@5vD6(QkI}Dq$MY$2iYBJIr@W"
        "gbGYwP2AA9Ql(L469=U(Z(LpJuYc|S4o5fAEv<SwWi25B00%htanib6tBMR6;MikegvbryX-<q}fJIRBMrlOiTSgC&(->LbL>{(|ys#8=SO;"
        "5HrQUZ~Z6f)Vy(AhvBY#`o=DRu(>dJxE|$d@yWl{hiJby~F{cL#dq}x=<gA_=bAdh6*~i)@@p*7Bd56sMUWUiEWR9T^?zu$q?)9iSD>PFK-O"
        "rt#7pLc*E+Odw|IX!<Jy%M)dR<Cu=)49{-y^`M4_E<gdxHv_<|2QIQg=M&LH`4<O-Hy!xm@sM{I5*VLqYaMXME`VgV-So={F%XuS@Q8rgnMt"
        "!;60i>nB0hFMsu>"
    )
)
ROWS = [
    {"_step": 0, "loss": 0.5, "net.norm": 1, "word": "x"},
    {"_step": 1, "loss": "nan", "acc": True},
    {"_step": 10, "loss": float("inf"), "acc": 0.75},
]


def varint(value: int) -> bytes:
    """As protobuf writes a number."""
    found = b""
    while value > 127:
        found += bytes([value & 127 | 128])
        value >>= 7
    return found + bytes([value])


def field(number: int, value: bytes | str | int) -> bytes:
    """A field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value if isinstance(value, bytes) else value.encode()
    return varint(number << 3 | 2) + varint(len(data)) + data


def item(name: str, value: str) -> bytes:
    """A name and a value in JSON."""
    return field(1, name) + field(16, value)


def row(step: int, **values: float) -> bytes:
    """A record with a row of the history."""
    told = {"_step": step, "_timestamp": 1_700_000_000 + step, **values}
    return field(2, b"".join(field(1, item(name, repr(value))) for name, value in told.items()))


def run(**config: str) -> bytes:
    """A record of the run."""
    return field(
        17, field(1, "id1") + field(3, "p") + field(4, b"".join(field(1, item(*one)) for one in config.items()))
    )


def framed(messages: Iterable[bytes]) -> bytes:
    """A file of these records."""
    data = bytearray(HEADER)
    for message in messages:
        rest, first = message, True
        while first or rest:
            room = BLOCK - len(data) % BLOCK
            if room < HEAD.size:
                data += bytes(room)
                continue
            part, rest = rest[: room - HEAD.size], rest[room - HEAD.size :]
            kind = (FULL if first else LAST) if not rest else FIRST if first else MIDDLE
            data += HEAD.pack(zlib.crc32(bytes([kind]) + part), len(part), kind) + part
            first = False
            if not rest:
                break
    return bytes(data)


def write(folder: Path, data: bytes, name: str = "offline-run-20260101_000000-id1") -> Path:
    """A run's file, as wandb names it."""
    path = folder / "wandb" / name / "run-id1.wandb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def read(path: Path) -> tuple[list[dict[str, object]], list[str]]:
    """The rows, without times, and the problems."""
    problems: list[str] = []
    rows = [found for _, found in RunFile(path, problems).rows()]
    return [
        {name: value for name, value in one.items() if name not in {"_timestamp", "_runtime"}} for one in rows
    ], problems


def known(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """NaN as a word, as it equals nothing."""
    return [{name: "nan" if value != value else value for name, value in one.items()} for one in rows]  # noqa: PLR0124


def test_a_run_that_wandb_wrote_offline_comes_over(tmp_path: Path) -> None:
    """Everything of it, once; the link to the latest run is no second one."""
    path = write(tmp_path, WRITTEN, "offline-run-20261123_155800-abc123")
    (tmp_path / "wandb" / "latest-run").symlink_to(path.parent)

    report = import_runs(WandbExport(tmp_path), tmp_path / "store")
    again = import_runs(WandbExport(tmp_path / "wandb"), tmp_path / "store")

    assert (report.runs, report.problems, again.runs, again.unchanged, again.points) == (1, [], 0, 1, 0)
    store = Store(tmp_path / "store")
    (found,) = store.runs().collect().to_dicts()
    assert (found["run_name"], found["experiment"], found["status"]) == ("fast owl", "vision", "FAILED")
    assert (found["group"], found["host"], found["start_time"].year) == ("g", "node", 2026)
    params = dict(store.params().select("key", "value").collect().iter_rows())
    assert params == {"lr": "0.1", "net.depth": "3", "net.widths": "[1, 2]", "name": '"é"', "late": "true"}
    points = store.metrics().collect().sort("seq")
    values = [(key, step, repr(value)) for key, step, value in points.select("key", "step", "value").iter_rows()]
    assert sorted(values, key=repr) == [
        ("acc", 1, "1.0"),
        ("acc", 10, "0.75"),
        ("best", None, "0.25"),
        ("loss", 0, "0.5"),
        ("loss", 1, "nan"),
        ("loss", 10, "inf"),
        ("net.norm", 0, "1.0"),
    ]
    assert points["time"].min() == datetime(2026, 11, 23, 15, 58, 1, 131770, UTC)


def test_a_file_that_ends_anywhere_gives_what_came_before(tmp_path: Path) -> None:
    """Whole rows only; where something is missing, it is said with its offset."""
    whole, none = read(write(tmp_path, WRITTEN))
    assert (known(whole), none) == (ROWS, [])
    ends = {len(framed(())): 0}
    for place, (offset, data) in enumerate(records(BytesIO(WRITTEN), len(HEADER), lambda _: None), 1):
        ends[offset + HEAD.size + len(data)] = place

    near = {end + more for end in ends for more in (-1, 0, 1, 6, 7, 8)}
    for end in sorted(near & {*range(len(HEADER), len(WRITTEN))}):
        rows, problems = read(write(tmp_path, WRITTEN[:end]))
        assert known(rows) == ROWS[: len(rows)]
        assert bool(problems) == (end not in ends)
        assert all("the file ends in the middle of a record" in words for words in problems)


def test_no_flipped_bit_goes_unseen(tmp_path: Path) -> None:
    """The rows that are given are those that were written; every third byte, for speed."""
    for place in range(0, len(WRITTEN), 3):
        spoilt = bytearray(WRITTEN)
        spoilt[place] ^= 1 << place % 8
        path = write(tmp_path, bytes(spoilt))
        if place < len(HEADER):
            with pytest.raises(ValueError, match="no file of a wandb run"):
                read(path)
            continue
        rows, problems = read(path)
        assert problems, place
        assert all(one in ROWS for one in known(rows))


@pytest.mark.parametrize("seed", range(3))
def test_records_of_any_length_lie_over_blocks(seed: int) -> None:
    """Also those that fill one to its last bytes, and those of several."""
    chance = random.Random(seed)
    lengths = [0, BLOCK - 14, BLOCK - 21, 1, 3 * BLOCK, *(chance.randrange(2 * BLOCK) for _ in range(40))]
    lengths += [BLOCK - 7 - number for number in range(16)]
    written = [chance.randbytes(length) for length in lengths]
    problems: list[str] = []

    assert [data for _, data in records(BytesIO(framed(written)), len(HEADER), problems.append)] == written
    assert problems == []


def test_a_spoilt_block_costs_no_more_than_itself(tmp_path: Path) -> None:
    """What is in the blocks behind it is there; what began in it is not."""
    data = bytearray(framed([run(), *(row(step, loss=step / 7) for step in range(3000))]))
    assert len(data) > 4 * BLOCK
    data[BLOCK + 100] ^= 1

    rows, problems = read(write(tmp_path, bytes(data)))

    steps = [cast("int", one["_step"]) for one in rows]
    lost = sorted({*range(3000)} - {*steps})
    assert steps == sorted(steps)
    assert (lost, len(problems)) == ([*range(lost[0], lost[-1] + 1)], 1)
    assert len(lost) < 1.1 * 3000 * BLOCK / len(data)
    assert "doesn't match its checksum" in problems[0]
    assert all(one["loss"] == step / 7 for one, step in zip(rows, steps, strict=True))


def test_a_run_that_goes_on_is_taken_up_again(tmp_path: Path) -> None:
    """Without its end it is INTERRUPTED; later it has ended, and only what is new comes."""
    begun = [run(lr="0.1"), row(0, loss=1.0), row(1, loss=0.5)]
    ended = [row(2, loss=0.25), field(18, field(1, 0))]
    write(tmp_path, framed(begun))
    first = import_runs(WandbExport(tmp_path), tmp_path / "store")
    store = Store(tmp_path / "store")
    before = store.runs().collect()["status"].to_list()
    write(tmp_path, framed([*begun, *ended]))

    second = import_runs(WandbExport(tmp_path), tmp_path / "store")

    assert (before, store.runs().collect()["status"].to_list()) == (["INTERRUPTED"], ["FINISHED"])
    assert (first.points, second.points, second.continued) == (2, 1, 1)


def test_typed_values_removals_and_nested_names(tmp_path: Path) -> None:
    """As other versions of wandb write them."""
    minus_three = field(1, "whole") + field(5, 5)
    typed = field(1, "a") + varint(6 << 3 | 1) + b"\0\0\0\0\0\0\xe0\x3f"
    truth, none, words = field(1, "b") + field(4, 1), field(1, "c") + field(3, 0), field(1, "d") + field(7, "text")
    deep = field(2, "net") + field(2, "norm") + field(16, "2")
    history = b"".join(field(1, one) for one in (minus_three, typed, truth, none, words, deep)) + field(2, field(1, 7))
    config = field(1, item("lr", "1")) + field(1, field(2, "net") + field(2, "depth") + field(16, "3"))
    gone = field(2, item("lr", "null"))
    path = write(tmp_path, framed([run(), field(5, config), field(5, gone), field(2, history)]))

    problems: list[str] = []
    file = RunFile(path, problems)

    ((_, found),) = file.rows()
    assert found == {"whole": -3, "a": 0.5, "b": True, "c": None, "d": "text", "net.norm": 2, "_step": 7}
    assert (file.config, file.told["state"], problems) == ({"net": {"depth": 3}}, "running", [])


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (field(2, field(1, field(16, "1"))), "no name"),
        (field(2, field(1, item("a", "{"))), "a value"),
        (field(5, field(1, b"".join(field(2, "a") for _ in range(200)) + field(16, "1"))), "too deep"),
        (b"\x13", "wire type 3"),
        (field(17, field(1, b"\xff")), "utf-8"),
    ],
)
def test_a_record_that_wandb_does_not_write_is_left_out_and_said(tmp_path: Path, message: bytes, words: str) -> None:
    """With its offset; the others are there."""
    rows, problems = read(write(tmp_path, framed([run(), message, row(1, loss=1.0)])))

    assert [one for one in rows if one] == [{"_step": 1, "loss": 1.0}]
    assert len(problems) == 1
    assert words in problems[0]
    assert "offset" in problems[0]


def test_what_is_no_run_file_is_said(tmp_path: Path) -> None:
    """And stops no other; where there is nothing at all, that is an error."""
    write(tmp_path, b"something else", "offline-run-1")
    write(tmp_path, framed([run(), row(0, loss=1.0)]), "offline-run-2")

    report: Any = import_runs(WandbExport(tmp_path), tmp_path / "store")

    assert report.runs == 1
    assert "no file of a wandb run" in report.problems[0]
    with pytest.raises(ImportFailed, match=r"the \.wandb file of an offline run"):
        WandbExport(tmp_path / "store" / "metrics")
