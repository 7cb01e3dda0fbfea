"""steplog check, steplog compact: keeping a store in order; not needed in daily use, and safe at any time."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.objects.address import Address
from tracker.cli.options import DEFAULT_STORE, JsonOption, StoreOption, open_layout
from tracker.cli.screen import cell, console, print_json, size, table

if TYPE_CHECKING:
    from ingest.check import Finding
    from ingest.compact import CompactionReport


def check(
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Adopt what crashes left, and move damaged files to retired/damaged.")
    ] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Verify every file of the store; exit code 1 when something that was written is missing or damaged."""
    from ingest.check import HARMFUL
    from ingest.check import check as check_store

    layout = open_layout(store)
    findings = check_store(layout, repair=repair)
    harmful = [finding for finding in findings if finding.kind in HARMFUL]
    if json:
        rows = [{**_fields(finding), "harmful": finding.kind in HARMFUL} for finding in findings]
        print_json({"store": layout.place, "sound": not harmful, "findings": rows})
    else:
        _print_findings(findings, harmful, repair=repair)
    if harmful:
        raise typer.Exit(1)


def _fields(finding: "Finding") -> dict[str, object]:
    return {name: getattr(finding, name) for name in finding.__struct_fields__}


def _print_findings(findings: "list[Finding]", harmful: "list[Finding]", *, repair: bool) -> None:
    screen = console()
    for finding in findings:
        style = "red" if finding in harmful else "yellow"
        done = cell(" (mended)", "green") if finding.repaired else cell("")
        screen.print(cell(f"{finding.kind:<10} ", style), cell(finding.path, "bold"), done, sep="", soft_wrap=True)
        screen.print(cell(f"           {finding.detail}", "dim"), soft_wrap=True)
    if not findings:
        screen.print(cell("The store is sound: every file is what was written.", "green"))
    elif not harmful:
        screen.print(cell("Nothing that was written is damaged or missing.", "green"))
    elif not repair:
        screen.print(cell("'steplog check --repair' mends what can be mended; it deletes nothing."))


def compact(*, json: JsonOption = False, store: StoreOption = DEFAULT_STORE) -> None:
    """Merge the store's small files into large ones now; trackers do it by themselves when many have piled up."""
    report = _compacted(store)
    if json:
        print_json({name: getattr(report, name) for name in report.__struct_fields__})
    else:
        shown = table("", "files", "size", right=("files", "size"))
        shown.add_row("before", f"{report.files_before:,}", size(report.bytes_before))
        shown.add_row("after", f"{report.files_after:,}", size(report.bytes_after))
        screen = console()
        if report.busy:
            screen.print(cell("Another process is compacting this store; nothing was done.", "yellow"))
        elif report.uploaded:
            screen.print(
                cell("This store is uploaded: its files stay as they are; compact the bucket: --store s3://...")
            )
        elif not report.files_before:
            screen.print(cell("Nothing to merge: no table has two small files of one experiment."))
        else:
            screen.print(shown)
        for line in report.damaged:
            screen.print(cell(line, "red"), soft_wrap=True)
    if report.damaged:
        raise typer.Exit(1)


def _compacted(store: str) -> "CompactionReport":
    layout = open_layout(store)
    if layout.adopts:
        from ingest.compact import compact as compact_store

        return compact_store(layout)
    from ingest.objects.bucket import Bucket
    from ingest.objects.compaction import compact_objects

    with Bucket(Address.of(store)) as bucket, TemporaryDirectory(prefix="steplog-") as tmp:
        return compact_objects(bucket, Path(tmp))
