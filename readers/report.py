"""Report: what there is to say about some runs, in one HTML file that opens from disk.

The file loads nothing and runs nothing: pictures are inside it, and its content security policy forbids the rest, so
that a name or a tag of a foreign store can do no harm when it is opened. Every text goes through the template's
escaping. What can't be computed (too few runs, a metric without history) is said in words in its place.
"""

import base64
import os
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ingest.layout import FILE_MODE
from readers.best import Direction, Mode, headline, resolve_mode
from readers.runtable import RunTable
from readers.source import RunFrames

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEMPLATE = "report.html.j2"
_MOST_DRAWN = 5
_MOST_SVG_BYTES = 600_000  # beyond it a drawing of so many strokes opens slowly, and a bitmap looks the same


class Picture(NamedTuple):
    """A figure inside the file."""

    uri: str
    alt: str
    caption: str


class Table(NamedTuple):
    """Rows of texts."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[str] = frozenset()
    """Columns of numbers."""
    best: frozenset[int] = frozenset()
    """Rows that stand out."""


class Section(NamedTuple):
    """One question and its answer."""

    name: str
    title: str
    texts: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()


class Page(NamedTuple):
    """A report as it is laid out."""

    title: str
    subtitle: str
    tiles: Sequence[tuple[str, str]]
    """The few numbers at the top, each with its name."""
    sections: Sequence[Section]


class Question(NamedTuple):
    """What a report is asked about."""

    frames: RunFrames
    table: RunTable
    metric: str
    metrics: Sequence[str]
    """All that are drawn as curves, `metric` first."""
    towards: Direction
    group_by: str | None


def write_report(
    frames: RunFrames,
    table: RunTable,
    path: str | os.PathLike[str],
    *,
    metric: str | None = None,
    metrics: Sequence[str] | None = None,
    mode: Mode = "auto",
    group_by: str | None = None,
    title: str | None = None,
) -> Path:
    """Write a report on the runs of a table; a file that was there is replaced at once.

    Args:
        path: of the file, which ends in .html or .htm; folders are made.
        metric: the one by which runs are ranked; the headline metric when None (see readers.best).
        metrics: those whose curves are drawn; when None the first few that have a history, `metric` first.
        mode: which way is better.
        group_by: param, tag or column of runs that makes groups to compare; when None, params of few values.

    Raises: ValueError: another suffix. MetricNotFound: no run has it. OSError: the file can't be written.
    """
    from readers.sections import sections_of

    target = page_path(path)
    question = _question(frames, table, metric=metric, metrics=metrics, mode=mode, group_by=group_by)
    names = sorted(set(table.runs["experiment"]))
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    page = Page(
        title=title or shown or "No runs",
        subtitle=f"{len(table):,} run{'s' * (len(table) != 1)}, {frames.place}",
        tiles=list(_tiles(table, question)),
        sections=[] if question is None else sections_of(question),
    )
    return write_page(page, target)


def page_path(path: str | os.PathLike[str]) -> Path:
    """The path of a page that may be written. Raises: ValueError: it doesn't end in .html or .htm."""
    target = Path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"a report is a web page: {str(target)!r} must end in .html")
    return target


def write_page(page: Page, target: Path) -> Path:
    """Write a page; folders are made, a file that was there is replaced at once. Raises: OSError."""
    body = _rendered(page)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        scratch.touch(FILE_MODE)
        scratch.write_text(body, encoding="utf-8")
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)
    return target


def picture(figure: "Figure", alt: str, caption: str = "") -> Picture:
    """A figure as part of a page: drawn by strokes, unless these are too many."""
    from readers.figures.style import png

    buffer = BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    kind, data = "image/svg+xml", buffer.getvalue()
    if len(data) > _MOST_SVG_BYTES:
        kind, data = "image/png", png(figure)
    return Picture(f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}", alt, caption)


def number(value: float) -> str:
    """Five significant digits; a dash where there is none."""
    return "–" if value != value else f"{value:.5g}"  # noqa: PLR0124, RUF001 - NaN; the dash is meant


def _question(
    frames: RunFrames,
    table: RunTable,
    *,
    metric: str | None,
    metrics: Sequence[str] | None,
    mode: Mode,
    group_by: str | None,
) -> Question | None:
    """What is asked; None when the runs have no metric at all. Raises: MetricNotFound, LookupFailed."""
    counts = Counter(table.lasts["key"].to_list())
    chosen = metric if metric is not None else metrics[0] if metrics else headline(counts)
    if chosen is None:
        return None
    for name in (chosen, *(metrics or ())):
        table.metric(name)
    if group_by is not None:
        table.value(group_by)
    drawn = [chosen, *(name for name in metrics or _with_history(table) if name != chosen)]
    return Question(frames, table, chosen, drawn, resolve_mode(mode, chosen), group_by)


def _with_history(table: RunTable) -> list[str]:
    """The metrics that were logged more than once in some run, those of most runs first."""
    counts = Counter(name for name in table.lasts["key"].to_list() if not name.startswith("system/"))
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    return list(islice((name for name in ordered if has_history(table, name)), _MOST_DRAWN))


def has_history(table: RunTable, metric: str) -> bool:
    """Whether a metric was logged more than once in some run."""
    rows = table.summaries_of(metric)
    return rows.height > 0 and (rows["count"] + rows["nan_count"]).max() not in (0, 1)


def _rendered(page: Page) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(_TEMPLATE).render(
        **page._asdict(), written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), version=_version()
    )


def _tiles(table: RunTable, question: Question | None) -> Iterator[tuple[str, str]]:
    """The few numbers at the top."""
    for status, count in sorted(Counter(table.runs["status"]).items()):
        yield status.lower(), f"{count:,}"
    starts = table.runs["start_time"].drop_nulls()
    if len(starts):
        yield "first start", str(starts.dt.date().min())
    if question is None:
        yield "metrics", "none"
        return
    values = table.metric(question.metric, "last")
    finite = values[values == values]  # noqa: PLR0124 - NaN
    if len(finite):
        best = finite.max() if question.towards == "maximize" else finite.min()
        yield f"best {question.metric}", number(float(best))


def _version() -> str:
    try:
        return version("steplog")
    except PackageNotFoundError:  # run from a source tree that isn't installed
        return "(not installed)"
