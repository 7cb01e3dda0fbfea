# ruff: noqa: ARG002, PLR0917 - the signatures are wandb's
"""Table: rows of cells of any kind."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ingest.jsontext import to_json
from tracker.wandb.mediafile import Content, Media


class Table(Media):
    """Rows of cells of any kind, kept as JSON: {"columns": [...], "data": [[...]]}; its pictures as files of their own.

    Args:
        columns: names. Default: "Input", "Output", "Expected"; of a frame its own.
        data: a list of rows, or a frame. `rows` and `dataframe` are other names.
        dtype, optional, allow_mixed_types, log_mode: taken and not needed.

    Raises: ValueError: a row of another length.
    """

    def __init__(
        self,
        columns: Sequence[Any] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: Any = True,
        allow_mixed_types: bool = False,
        log_mode: str | None = None,
    ) -> None:
        super().__init__(".table.json", "")
        found = next((given for given in (dataframe, data, rows) if given is not None), ())
        if hasattr(found, "columns"):
            self.columns = [str(name) for name in found.columns]
            found = list(zip(*(list(found[name]) for name in found.columns), strict=True))
        else:
            self.columns = list(columns) if columns is not None else ["Input", "Output", "Expected"]
        self.data: list[list[Any]] = []
        for row in found:
            self.add_data(*row)

    def add_data(self, *data: Any) -> None:
        """Add a row. Raises: ValueError: not as many cells as columns."""
        if len(data) != len(self.columns):
            raise ValueError(
                f"the table has {len(self.columns)} columns: {self.columns}; the row has {len(data)} cells"
            )
        self.data.append(list(data))

    def add_row(self, *row: Any) -> None:
        """Add a row, as `add_data`."""
        self.add_data(*row)

    def add_column(self, name: str, data: Sequence[Any]) -> None:
        """Add a column. Raises: ValueError: not as many cells as rows, or there is such a column."""
        cells = list(data)
        if name in self.columns or (self.data and len(cells) != len(self.data)):
            raise ValueError(
                f"column {name!r} with {len(cells)} cells: the table has {self.columns}, {len(self.data)} rows"
            )
        self.data = self.data or [[] for _ in cells]
        self.columns.append(name)
        for row, cell in zip(self.data, cells, strict=True):
            row.append(cell)

    def get_column(self, name: str, convert_to: str | None = None) -> Any:
        """Give a column's cells, as a list or as an array ("numpy")."""
        place = self.columns.index(name)
        cells = [row[place] for row in self.data]
        return _array(cells) if convert_to == "numpy" else cells

    def get_dataframe(self) -> Any:
        """Give a pandas frame. Raises: ImportError: pandas isn't installed."""
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("get_dataframe needs pandas: pip install pandas") from error
        return pd.DataFrame(self.data, columns=self.columns)

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """(number, cells) of each row."""
        yield from enumerate(self.data)

    def content_with(self, put: Callable[[Media], str]) -> Content:
        """Give the table as JSON."""
        rows = [[{"file": put(cell)} if isinstance(cell, Media) else cell for cell in row] for row in self.data]
        return to_json(self.described() | {"columns": self.columns, "data": rows})

    def described(self) -> dict[str, Any]:
        """What else the file says."""
        return {}


def _array(cells: list[Any]) -> Any:
    import numpy as np

    return np.asarray(cells)
