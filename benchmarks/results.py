"""The JSON line of each benchmark's last run, kept beside the code; its frame of conditions, peers and absentees."""

import argparse
import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.conditions import OtherWork, conditions, headline
from benchmarks.environments import REPOSITORY
from benchmarks.lineup import Lineup
from benchmarks.peers import PEERS, Installed

Document = dict[str, Any]
FOLDER = REPOSITORY / "benchmarks" / "results"


def publish(name: str, document: Document, rendered: str, chosen: argparse.Namespace) -> None:
    """Print the table and the JSON line; keep the line, unless it is a smoke run's."""
    print(framed(document, rendered))
    line = json.dumps(document, separators=(",", ":"))
    print(line)
    folder: Path | None = chosen.results or (None if chosen.quick else FOLDER)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(line + "\n", encoding="utf-8")


@contextlib.contextmanager
def document_of(
    name: str, chosen: argparse.Namespace, peers: Mapping[str, Installed] = PEERS
) -> Iterator[tuple[Document, Lineup]]:
    """A document to be filled with figures, in its frame: conditions before, who took part and other work after."""
    lineup = Lineup.of(chosen, peers)
    document = {"benchmark": name, "quick": chosen.quick, "conditions": conditions(chosen.data)}
    others = OtherWork()
    yield document, lineup
    document["conditions"]["other_work"] = others.share()
    document |= {"peers": lineup.described(), "absent": lineup.absent}


def framed(document: Document, rendered: str) -> str:
    """A benchmark's tables with what a reader must know around them."""
    quick = " · SMOKE RUN, figures mean little" if document["quick"] else ""
    settings = [f"- {name} {told['version']}: {told['settings']}" for name, told in document["peers"].items()]
    absent = [f"- {name}: not measured, {why}" for name, why in document["absent"].items()]
    return "\n".join([headline(document["conditions"]) + quick, "", rendered, "", *settings, *absent, ""])


def load(folder: Path, name: str) -> Document | None:
    """The document of a benchmark's last run, if there is one."""
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    document: Document = json.loads(path.read_text(encoding="utf-8"))
    return document
