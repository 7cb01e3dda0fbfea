"""Writes benchmarks/results.md from the last runs' JSON lines: one readable page, every figure with its conditions."""

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    automl,
    dashboard,
    first_paint,
    forwarding,
    hosted_dashboard,
    live_feed,
    live_page,
    log_call,
    many_runs,
    object_costs,
    queries,
    tail_latency,
    training_slowdown,
    upload_throughput,
    write_throughput,
)
from benchmarks.results import FOLDER, Document, framed, load

_RENDERED: dict[str, Callable[[Document], str]] = {
    module.NAME: module.rendered
    for module in (
        log_call,
        training_slowdown,
        write_throughput,
        tail_latency,
        queries,
        many_runs,
        upload_throughput,
        object_costs,
        dashboard,
        first_paint,
        live_feed,
        live_page,
        hosted_dashboard,
        forwarding,
        automl,
    )
}


def main() -> None:
    """Write the page and say where it lies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder of the JSON lines")
    parser.add_argument("--out", type=Path, default=FOLDER.parent / "results.md", help="the page")
    chosen = parser.parse_args()
    parts = ["# Benchmarks, last runs\n", "Written by `python -m benchmarks.report`; each part by its own command.\n"]
    for name, rendered in _RENDERED.items():
        document = load(chosen.results, name)
        parts.append(f"## {name}\n\n`python -m benchmarks.{name}`\n")
        parts.append(framed(document, rendered(document)) if document else "Not run yet.\n")
    chosen.out.write_text("\n".join(parts), encoding="utf-8")
    print(f"wrote {chosen.out}")


if __name__ == "__main__":
    main()
