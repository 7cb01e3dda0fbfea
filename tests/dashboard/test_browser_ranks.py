"""The page of a run that several ranks write, in a real browser: a curve a rank, and their table; or one rank alone."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.readers.conftest import Recorder

if TYPE_CHECKING:
    from tests.dashboard.conftest import Demo

Ranks = Callable[[int], list[Recorder]]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Ranks]:
    """Starts the ranks of the run "job", forty steps old: rank 1 is at half of them, and rank 2 computes slowly."""
    with ExitStack() as stack:

        def start(count: int) -> list[Recorder]:
            made = []
            for rank in range(count):
                recorder = Recorder(tmp_path / "store")
                stack.callback(recorder.close)
                recorder.pipeline.rank = rank
                recorder.start("job", name="pretrain", rank=rank)
                log(recorder, range(20 if rank == 1 else 40), compute_s=2.0 if rank == 2 else 1.0)
                made.append(recorder)
            return made

        yield start


def log(recorder: Recorder, steps: range, compute_s: float = 1.0) -> None:
    """Some steps of a rank."""
    for step in steps:
        recorder.log("job", {"loss": 1 / (step + 1), "compute_s": compute_s}, step)


def chart(page: Page, key: str) -> Locator:
    """The chart of a metric."""
    return page.locator(f'.chart[data-key="{key}"]')


def test_each_rank_has_a_curve_of_its_own(
    page: Page, launch: Ranks, serve: Callable[[Path], str], tmp_path: Path
) -> None:
    """Named in the legend; what a rank logs then comes to its own line, by itself."""
    recorders = launch(4)
    page.goto(f"{serve(tmp_path / 'store')}/run/job?tab=charts")

    expect(page.locator(".legend-entry")).to_have_text(["rank 0", "rank 1 (straggler)", "rank 2", "rank 3"])
    expect(chart(page, "loss")).to_have_attribute("data-points", "140")
    expect(chart(page, "loss").locator(".chart-plot")).to_have_attribute("aria-label", re.compile("4 ranks"))

    log(recorders[3], range(40, 50))

    expect(chart(page, "loss")).to_have_attribute("data-points", "150", timeout=10_000)
    spoken = re.compile(r"rank 0 0\.025, .*rank 3 0\.02[.,]")
    expect(chart(page, "loss").locator(".chart-plot")).to_have_attribute("aria-label", spoken)


def test_ranks_are_drawn_as_a_band_or_as_one_where_that_is_chosen(
    page: Page, launch: Ranks, serve: Callable[[Path], str], tmp_path: Path
) -> None:
    """The choice stands in the address."""
    launch(3)
    page.goto(f"{serve(tmp_path / 'store')}/run/job?tab=charts")
    page.get_by_label("Ranks", exact=True).select_option("a band over all")

    expect(page.locator(".legend")).to_be_hidden()
    expect(chart(page, "loss")).to_have_attribute("data-points", "100")
    assert "ranks=band" in page.url

    page.get_by_label("Ranks", exact=True).select_option("all points as one")
    expect(chart(page, "loss").locator(".chart-plot")).to_have_attribute("aria-label", re.compile("1 run"))
    page.reload()
    expect(page.get_by_label("Ranks", exact=True)).to_have_value("one")


def test_of_many_ranks_the_odd_ones_come_first(
    page: Page, launch: Ranks, serve: Callable[[Path], str], tmp_path: Path
) -> None:
    """In the legend, which is cut, and in the table."""
    launch(14)
    page.goto(f"{serve(tmp_path / 'store')}/run/job?tab=charts")

    expect(page.locator(".legend-entry").first).to_have_text("rank 1 (straggler)")
    expect(page.locator(".legend-more")).to_have_text("and 2 more")
    page.locator('[data-tab="ranks"]').click()
    expect(page.locator(".rank-table tbody tr").first).to_contain_text("straggler 20 steps behind the furthest")
    expect(page.locator(".rank-table tbody tr")).to_have_count(14)


def test_the_table_tells_who_is_behind_and_who_is_slow(
    page: Page, launch: Ranks, serve: Callable[[Path], str], tmp_path: Path
) -> None:
    """The head counts the stragglers; another time of a step finds another one."""
    launch(4)
    page.goto(f"{serve(tmp_path / 'store')}/run/job")
    page.get_by_role("link", name="4", exact=True).click()

    rows = page.locator(".rank-table tbody tr")
    expect(page.locator(".facts")).to_contain_text("4, 1 straggler")
    expect(page.locator(".rank-told")).to_have_text("4 ranks, progress by compute_s. 1 straggler: rank 1.")
    expect(rows.nth(1)).to_contain_text("straggler 20 steps behind the furthest")

    page.get_by_label("Time of a step").select_option("compute_s")
    expect(page.locator(".rank-told")).to_have_text("4 ranks, progress by compute_s. 2 stragglers: rank 1, 2.")
    expect(rows.nth(2)).to_contain_text("a step takes it 2.00x as long as the median rank")


def test_a_run_of_one_rank_shows_nothing_of_ranks(page: Page, demo: "Demo") -> None:
    """No tab, no fact, no choice above the charts; nor does the key of that tab lead anywhere."""
    page.goto(f"/run/{demo.ids['resnet-adam-0']}?tab=charts")
    expect(chart(page, "loss")).to_have_attribute("data-state", "ready")
    page.keyboard.press("8")

    expect(page.locator('[data-tab="ranks"]')).to_have_count(0)
    expect(page.get_by_label("Ranks", exact=True)).to_be_hidden()
    expect(page.locator(".facts")).not_to_contain_text("Ranks")
    expect(page.locator('[data-tab="charts"]')).to_have_attribute("aria-selected", "true")
