"""What the commands print: tables and trees for a person, JSON for a program.

For a person: names come from users and from foreign stores, so each is made `visible` (nothing in it can move the
cursor, hide text, turn its direction or be taken for markup) and handed to rich as text, never as markup. Numbers keep
five significant digits. On a terminal a table fits its width; into a pipe it is as wide as it needs to be.

For a program: valid JSON always, in ASCII. JSON has no NaN and no infinity; they are given as the strings "NaN",
"Infinity" and "-Infinity", which `float()` and JavaScript's `Number()` read back. null means there is none.
"""

import json
import math
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from readers.visible import visible

PIPE_WIDTH = 200
STATUS_STYLES = {
    "RUNNING": "cyan",
    "FINISHED": "green",
    "FAILED": "red",
    "KILLED": "red",
    "INTERRUPTED": "yellow",
}


def console() -> Console:
    """Where the commands print; made per call, so that it sees today's width and stream."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def table(*columns: str, right: tuple[str, ...] = (), title: str | None = None) -> Table:
    """An empty table in the house's look; the columns named in `right` are aligned right and never wrap."""
    empty = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", title=title, title_justify="left"
    )
    for name in columns:
        empty.add_column(
            Text(visible(name)), justify="right" if name in right else "left", no_wrap=True, overflow="ellipsis"
        )
    return empty


def cell(value: object, style: str = "", limit: int | None = None) -> Text:
    """A cell that shows the value and nothing else."""
    return Text(visible(value, limit), style=style)


def status(value: str) -> Text:
    """A run's status in its colour."""
    return cell(value.lower(), STATUS_STYLES.get(value, ""))


def number(value: float | None) -> Text:
    """A metric's value to five significant digits; a dash where there is none."""
    if value is None:
        return Text("-", style="dim")
    if math.isfinite(value) and value == int(value) and abs(value) < 1e7:
        return Text(f"{int(value):,}" if value or math.copysign(1, value) > 0 else "-0")
    return Text(f"{value:.5g}", style="" if math.isfinite(value) else "yellow")


def size(count: int) -> str:
    """Bytes in the unit that leaves three digits or fewer."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 9.95 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def duration(seconds: float | None) -> str:
    """A span in its two largest units: 0.4 s, 12 s, 3 min 5 s, 2 h 7 min, 4 d 3 h."""
    if seconds is None or not seconds >= 0:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def moment(time: datetime | None) -> str:
    """A moment in the reader's own time zone."""
    return "-" if time is None else time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def short_moment(time: datetime | None, now: datetime | None = None) -> str:
    """The same in a few characters: today's by the clock, this year's by the day, others by the date."""
    if time is None:
        return "-"
    local, today = time.astimezone(), (now or datetime.now(UTC)).astimezone()
    if local.date() == today.date():
        return local.strftime("%H:%M")
    return local.strftime("%b %d" if local.year == today.year else "%Y-%m-%d")


def count_of(count: int, what: str) -> str:
    """A number of things: 1 run, 2 runs."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print one JSON document."""
    print(json.dumps(json_value(value), allow_nan=False, indent=indent), flush=True)  # noqa: T201 - this is the output


def json_value(value: object) -> Any:
    """The value in JSON's own types: times as ISO 8601 in UTC, spans in seconds, NaN and infinities as strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
