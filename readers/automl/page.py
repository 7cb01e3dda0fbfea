"""Page: the report of a search as one HTML file that opens without a network; see readers.report for its safety."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

from readers.automl.pagesections import sections_of
from readers.automl.report import AutoMLReport, find
from readers.report import Page, number, page_path, write_page
from readers.source import RunFrames


def write_automl_report(
    frames: RunFrames,
    run_id: str,
    path: str | os.PathLike[str],
    *,
    search: int | None = None,
    title: str | None = None,
) -> Path:
    """Write the report of a search; a file that was there is replaced at once.

    Args:
        path: of the file, which ends in .html or .htm; folders are made.
        search: its number in the run; None: the last one.

    Raises: RunNotFound. LookupFailed: no such search. ValueError: another suffix. OSError: it can't be written.
    """
    target = page_path(path)
    found = find(frames, run_id, search)
    report = found.report
    page = Page(
        title=title or f"Search for a model: {report['run_name'] or run_id}",
        subtitle=f"{_about(report)}, {frames.place}",
        tiles=list(_tiles(report)),
        sections=sections_of(found),
    )
    return write_page(page, target)


def _about(report: AutoMLReport) -> str:
    said = [f"run {report['run_id']}", f"experiment {report['experiment']}"]
    if report["search"] > 1:
        said.insert(0, f"search {report['search']}")
    if report["engine"]:
        said.append(f"engine {report['engine']}")
    return ", ".join(said)


def _tiles(report: AutoMLReport) -> Iterator[tuple[str, str]]:
    """The few numbers at the top."""
    yield "search", report["status"] or "none"
    yield "algorithms tested", f"{report['algorithms_tested']:,}"
    yield "trials", f"{report['hyperparameter_trials']:,}"
    yield "best algorithm", report["best_algorithm"] or "–"  # noqa: RUF001 - the dash is meant
    if not math.isnan(report["cv_score"]):
        yield f"{report['metric']} ({report['cv_score_of']})", number(report["cv_score"])
    if report["ensemble_size"]:
        yield "ensemble", f"{report['ensemble_size']:,} models"
    if report["feature_selection_iterations"]:
        yield "features kept", f"{report['feature_selection']['selected']:,}"
