"""The page of alerts in a real browser: which rules are watched, and what they find as it happens."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tracker import ExperimentTracker


def test_an_alert_shows_up_as_it_is_raised(serve: Callable[..., str], tmp_path: Path, page: Page) -> None:
    """A loss that turns NaN while the page is open: which run, which metric, by which rule; names stay text."""
    with ExperimentTracker(tmp_path / "store", "study", auto_log=False) as tracker:
        run_id = tracker.start_run("<b>diverging</b>")
        page.goto(f"{serve(tmp_path / 'store')}/alerts")
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        expect(page.locator(".listing")).to_contain_text("No alert has been raised")
        expect(page.locator(".rules")).to_contain_text("is not finite")

        tracker.log_metrics({"loss": float("nan")}, step=7)
        tracker.flush()

        row = page.locator(".list tbody tr")
        expect(row.locator("td:nth-child(n+3)")).to_have_text(
            ["<b>diverging</b>", "loss", "NaN", "7", "* is not finite"]
        )
    row.get_by_role("link").click()
    expect(page).to_have_url(f"{page.url.split('/alerts')[0].split('/run')[0]}/run/{run_id}")
