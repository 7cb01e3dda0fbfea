"""A choice of names, long or short, takes exactly the rows that have one of them."""

from pathlib import Path

import polars as pl
import pytest

from readers.predicates import one_of


@pytest.mark.parametrize("count", [0, 1, 16, 17, 99, 100, 101, 300])
def test_a_choice_of_any_length_takes_the_rows_that_have_one_of_the_names(count: int, tmp_path: Path) -> None:
    """In memory and from a file, where Polars plans it by row group."""
    names = [f"run-{number % 400:03}" for number in range(2000)]
    rows = pl.DataFrame({"run_id": names, "value": range(2000)})
    rows.write_parquet(tmp_path / "rows.parquet", row_group_size=100)
    chosen = [f"run-{number:03}" for number in range(0, 400, 400 // count)][:count] if count else []
    wanted = [value for name, value in zip(names, range(2000), strict=True) if name in chosen]
    choice = one_of("run_id", chosen)
    assert len(chosen) == count
    assert rows.filter(choice)["value"].to_list() == wanted
    assert pl.scan_parquet(tmp_path / "rows.parquet").filter(choice).collect()["value"].to_list() == wanted
