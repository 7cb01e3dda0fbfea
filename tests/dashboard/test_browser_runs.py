"""The runs page in a real browser: what a reader finds, sorts, groups, chooses, and sends on as a link."""

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from ingest.events import MetricsLogged, ParamsLogged, RunEnded, RunStarted, encode
from ingest.layout import Layout, new_run_id
from ingest.pipeline import Pipeline
from ingest.settings import PipelineSettings
from readers.dashboard.process import DashboardProcess
from readers.dashboard.settings import DashboardSettings
from tracker import ExperimentTracker

if TYPE_CHECKING:
    from tests.dashboard.conftest import Demo

RESNETS = [f"resnet-{optimizer}-{seed}" for seed in (2, 1, 0) for optimizer in ("sgd", "adam")]
"""Newest first, as they stand in the table."""


def opened(page: Page, address: str = "/") -> Page:
    """The page when its table is there."""
    page.goto(address)
    page.wait_for_selector(".runs[data-ready]")
    return page


def names(page: Page) -> list[str]:
    """The runs shown, from above."""
    rows = page.locator(".grid-row:not([hidden])").evaluate_all(
        "rows => rows.sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))"
        ".map(row => row.querySelector('.run-link')?.textContent ?? '')"
    )
    return [name for name in rows if name]


def row(page: Page, name: str) -> Locator:
    """The table's row of a run."""
    return page.locator(".grid-row", has=page.get_by_role("link", name=name, exact=True))


def heading(page: Page, column: str) -> Locator:
    """The heading of a column."""
    return page.locator(f'.head-cell[data-column="{column}"]')


def query(page: Page) -> dict[str, str]:
    """The address's query."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def test_an_experiment_of_the_tree_narrows_the_table(page: Page) -> None:
    """A folder of the tree stands for all experiments below it, with their number of runs."""
    opened(page)
    folder = page.get_by_role("treeitem").filter(has_text="vision")

    expect(folder).to_contain_text("6")
    folder.click()

    expect(page.locator(".told-count")).to_have_text("6 runs")
    assert (names(page), query(page)) == (RESNETS, {"experiment": "vision"})


def test_search_finds_names_and_tags(page: Page) -> None:
    """Every word must be in the name, the experiment or a tag, or begin the id."""
    opened(page)
    page.keyboard.press("/")
    page.keyboard.type("RESNET blue")

    expect(page.locator(".told-count")).to_have_text("2 of 13 runs")
    assert names(page) == ["resnet-sgd-0", "resnet-adam-0"]


def test_a_filter_is_answered_by_the_server(page: Page) -> None:
    """An expression over params, metrics and status, sent by Enter."""
    opened(page)
    page.get_by_role("combobox", name="Filter expression").fill("params.lr > 0.03 and metrics.loss < 1")
    page.keyboard.press("Enter")

    expect(page.locator(".told-count")).to_have_text("3 runs")
    assert names(page) == ["resnet-adam-1", "resnet-sgd-0", "resnet-adam-0"]


def test_a_wrong_filter_is_told_at_its_field_and_the_table_stays(page: Page, may_say: list[str]) -> None:
    """The server's words and its hint stand below the field."""
    may_say.append("status of 400")
    opened(page)
    page.get_by_role("combobox", name="Filter expression").fill("params.lrr > 1")
    page.keyboard.press("Enter")

    expect(page.locator(".filter-error")).to_contain_text("params.lr")
    expect(page.get_by_role("combobox", name="Filter expression")).to_have_attribute("aria-invalid", "true")
    assert len(names(page)) == 13


def test_the_filter_field_offers_columns(page: Page) -> None:
    """A word begun is completed by Tab, spelled as the filter wants it."""
    opened(page)
    field = page.get_by_role("combobox", name="Filter expression")
    field.press_sequentially("val/acc")

    expect(page.locator("#filter-offers [role=option]")).to_have_count(1)
    field.press("Tab")
    expect(field).to_have_value('metrics."val/accuracy" ')


def test_headings_sort_and_shift_adds(page: Page) -> None:
    """Numbers begin with the largest; the next click turns it round, a third takes it back; shift sorts by more."""
    opened(page, "/?experiment=vision")
    button = heading(page, "params.lr").locator(".head-button")
    button.click()
    largest = names(page)
    button.click()
    smallest = names(page)
    heading(page, "params.optimizer").locator(".head-button").click()
    button.click(modifiers=["Shift"])

    assert largest == [f"resnet-{optimizer}-{seed}" for seed in range(3) for optimizer in ("adam", "sgd")]
    assert smallest == largest[::-1]
    assert query(page)["sort"] == "params.optimizer,-params.lr"
    assert names(page) == [f"resnet-{optimizer}-{seed}" for optimizer in ("adam", "sgd") for seed in range(3)]


def test_missing_values_sort_last_both_ways(page: Page) -> None:
    """A run without the metric is last, whichever way the others go."""
    opened(page, "/?sort=-metrics.val/accuracy")
    down = names(page)
    opened(page, "/?sort=metrics.val/accuracy")
    up = names(page)

    assert (down[0], up[0]) == ("resnet-adam-0", "resnet-sgd-2")
    assert {name.split("-")[0] for name in down[:6]} == {name.split("-")[0] for name in up[:6]} == {"resnet"}


def test_groups_have_counts_and_means_and_fold(page: Page) -> None:
    """Runs under a heading a value; the heading has their number and the metric's mean; a click folds it."""
    opened(page, "/?experiment=vision")
    page.get_by_role("button", name="Group", exact=True).click()
    page.get_by_role("radio").filter(has_text="optimizer").click()
    adam = page.locator(".grid-row.group", has_text="adam")
    at = page.locator(".head-cell").evaluate_all(
        "cells => cells.findIndex(cell => cell.dataset.column === 'metrics.val/accuracy')"
    )

    expect(adam.locator(".badge")).to_have_text("3")
    expect(adam.locator(".cell").nth(at)).to_have_text("0.7000")  # of 0.9, 0.7, 0.5
    adam.click()
    expect(adam).to_have_attribute("aria-expanded", "false")
    assert (query(page)["group"], query(page)["closed"]) == ("params.optimizer", "adam")
    assert names(page) == ["resnet-sgd-2", "resnet-sgd-1", "resnet-sgd-0"]


def test_columns_are_chosen_moved_and_resized(page: Page) -> None:
    """The columns are in the address; their widths stay in this browser."""
    opened(page, "/?cols=status,params.lr,params.seed")
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="Status").uncheck()
    page.get_by_role("searchbox", name="Find a column").fill("team")
    page.get_by_role("checkbox", name="team").check()
    page.keyboard.press("Escape")
    assert query(page)["cols"] == "params.lr,params.seed,tags.team"

    heading(page, "params.seed").locator(".head-button").press("Alt+ArrowLeft")
    assert query(page)["cols"] == "params.seed,params.lr,tags.team"

    width = heading(page, "tags.team").evaluate("cell => cell.offsetWidth")
    heading(page, "tags.team").locator(".head-button").press("Shift+ArrowRight")
    opened(page, page.url)
    assert heading(page, "tags.team").evaluate("cell => cell.offsetWidth") == width + 16


def test_a_column_is_dragged_to_its_place(page: Page) -> None:
    """Dragging a heading moves the column, and doesn't sort by it."""
    opened(page, "/?cols=status,params.lr,params.seed")
    target = heading(page, "status").bounding_box()
    heading(page, "params.seed").locator(".head-label").hover()
    page.mouse.down()
    assert target is not None
    page.mouse.move(target["x"] + 5, target["y"] + 10, steps=4)
    page.mouse.up()

    assert query(page) == {"cols": "params.seed,status,params.lr"}


def test_chosen_runs_have_the_colour_of_their_tick_and_stand_in_the_address(page: Page, demo: "Demo") -> None:
    """A click chooses, a second one lets go; each chosen run has a colour of its own."""
    opened(page, "/?experiment=vision")
    for name in ("resnet-adam-0", "resnet-sgd-1", "resnet-adam-2"):
        row(page, name).locator(".pick").click()
    row(page, "resnet-adam-2").locator(".cell").nth(3).click()
    ticks = page.locator(".pick:checked")

    assert query(page)["runs"] == f"{demo.ids['resnet-adam-0']},{demo.ids['resnet-sgd-1']}"
    expect(ticks).to_have_count(2)
    assert len(set(ticks.evaluate_all("all => all.map(one => getComputedStyle(one).backgroundColor)"))) == 2


def test_shift_chooses_all_between(page: Page) -> None:
    """From the last one chosen to this one, in the table's order."""
    opened(page, "/?experiment=vision")
    row(page, RESNETS[1]).locator(".pick").click()
    row(page, RESNETS[4]).locator(".pick").click(modifiers=["Shift"])

    expect(page.locator(".table-told")).to_contain_text("4 chosen")
    expect(page.locator(".pick:checked")).to_have_count(4)


def test_a_link_reproduces_the_view(page: Page) -> None:
    """Everything that the reader set is in the address: opened elsewhere it shows the same."""
    address = (
        "/?experiment=vision&q=resnet&filter=params.seed+>+0&sort=-params.lr&cols=params.lr,status&group=tags.team"
    )
    opened(page, address)
    row(page, "resnet-sgd-1").locator(".pick").click()
    before = names(page)
    told = page.locator(".table-told").inner_text()
    other = page.context.new_page()
    opened(other, page.url)

    assert before == ["resnet-adam-1", "resnet-sgd-1", "resnet-adam-2", "resnet-sgd-2"]
    assert (names(other), other.locator(".table-told").inner_text()) == (before, told)
    assert (other.locator(".head-cell").all_inner_texts()) == page.locator(".head-cell").all_inner_texts()
    expect(other.locator(".pick:checked")).to_have_count(1)


def test_the_keyboard_is_enough(page: Page, demo: "Demo") -> None:
    """Down, choose, down, choose, compare; down and open."""
    opened(page, "/?experiment=vision")
    for key in ("j", "x", "j", "j", "x"):
        page.keyboard.press(key)
    assert query(page)["runs"] == f"{demo.ids[RESNETS[0]]},{demo.ids[RESNETS[2]]}"

    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/run/{demo.ids[RESNETS[1]]}")
    page.go_back()
    page.wait_for_selector(".runs[data-ready]")
    page.keyboard.press("c")
    page.wait_for_url("**/compare?**")
    assert query(page)["runs"] == f"{demo.ids[RESNETS[0]]},{demo.ids[RESNETS[2]]}"


def test_help_lists_the_keys(page: Page) -> None:
    """A question mark opens the list, Escape closes it."""
    opened(page)
    page.keyboard.press("?")

    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("compare the chosen runs")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_have_count(0)


def test_hostile_names_stay_text(page: Page, demo: "Demo") -> None:
    """Runs, params, tags and values that are markup are shown letter by letter, in every corner of the page."""
    hostile = [name for name in demo.ids if not name.startswith(("resnet", "bert"))]
    opened(page, "/?experiment=hostile&group=tags.team")
    page.get_by_role("button", name="Columns").click()

    assert sorted(names(page)) == sorted(hostile)
    for name in hostile:
        expect(page.locator(".picker-tick", has_text=name).first).to_be_visible()
        expect(page.locator(".grid-row.group", has_text=name)).to_have_count(1)
    made = "#app img, #app script, #app [onload], #app [onerror], .menu img, .menu script, a[href^=javascript]"
    assert page.locator(made).count() == 0


def test_the_theme_is_chosen_and_remembered(page: Page) -> None:
    """Dark by the key, and dark again after the page is loaded anew."""
    opened(page)
    light = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    page.keyboard.press("t")
    opened(page)

    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") != light


def test_an_empty_store_says_how_to_begin(page: Page, serve: Callable[..., str], tmp_path: Path) -> None:
    """No run yet: the page says so, with the shortest program that logs one."""
    Layout(tmp_path / "none").create()
    page.goto(serve(tmp_path / "none"))

    expect(page.locator(".state")).to_contain_text("No runs yet")
    expect(page.locator(".state-code")).to_contain_text("start_run")


def test_the_table_lives(page: Page, serve: Callable[..., str], tmp_path: Path) -> None:
    """A run that goes on, one that begins and one that ends show by themselves; the tree counts them."""
    with ExperimentTracker(tmp_path / "store", "live", auto_log=False) as tracker:
        first = tracker.start_run("first", params={"lr": 0.1})
        tracker.log_metrics({"loss": 3.0}, step=0)
        tracker.flush()
        opened(page, f"{serve(tmp_path / 'store')}/?cols=status,metrics.loss")
        expect(row(page, "first").locator(".status")).to_have_text("Running")
        expect(page.locator(".bar-state")).to_have_text("Live")

        tracker.log_metrics({"loss": 2.5}, step=1)
        expect(row(page, "first")).to_contain_text("2.500")
        tracker.end_run(run_id=first)
        expect(row(page, "first").locator(".status")).to_have_text("Finished")
        tracker.start_run("second")
        expect(row(page, "second").locator(".status")).to_have_text("Running")
        expect(page.get_by_role("treeitem", name="live")).to_contain_text("2")
        tracker.end_run()


@pytest.mark.timeout(60)  # two servers start, one after the other
def test_a_lost_server_is_said_and_found_again(page: Page, tmp_path: Path, may_say: list[str]) -> None:
    """The page keeps what it has, says from when that is, and goes on when the server is back."""
    may_say += ["ERR_CONNECTION_REFUSED", "WebSocket"]
    with ExperimentTracker(tmp_path / "store", "live", auto_log=False) as tracker:
        tracker.start_run("only")
        tracker.end_run()
    started = DashboardProcess.start(DashboardSettings(str(tmp_path / "store"), port=0))
    page.clock.install()
    opened(page, started.address)
    expect(page.locator(".bar-state")).to_have_text("Live")
    started.stop()
    expect(page.locator(".bar-state")).not_to_have_text("Live")
    page.clock.fast_forward(4_000)

    expect(page.locator(".banner")).to_contain_text("trying again")
    assert names(page) == ["only"]
    started = DashboardProcess.start(DashboardSettings(str(tmp_path / "store"), port=started.port))
    with page.expect_response("**/api/session"):  # the old one's token is refused, and asked for anew
        page.evaluate("window.dispatchEvent(new Event('online'))")
    page.clock.fast_forward(20_000)
    expect(page.locator(".bar-state")).to_have_text("Live")
    expect(page.locator(".banner")).to_be_hidden()
    started.stop()


@pytest.mark.parametrize("width", [390, 900, 2560])
def test_nothing_is_wider_than_the_window(page: Page, width: int) -> None:
    """A phone, a tablet, a large screen: the page itself never scrolls sideways."""
    page.set_viewport_size({"width": width, "height": 844})
    opened(page)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".grid-row").count() < 50


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, page_is_built: None) -> Iterator[str]:
    """The address of a server over ten thousand runs."""
    layout = Layout(tmp_path_factory.mktemp("many") / "store")
    layout.create()
    pipeline = Pipeline(layout, PipelineSettings(sync_interval_s=None))
    for number in range(10_000):
        time_ns = 1_700_000_000_000_000_000 + number * 60_000_000_000
        run_id = new_run_id(time_ns)
        params = {"lr": json.dumps(1 / (number + 1)), "optimizer": '"adam"' if number % 2 else '"sgd"'}
        pipeline.append(RunStarted(run_id, "sweep", time_ns, f"run {number}"))
        pipeline.append(ParamsLogged(run_id, "sweep", time_ns, params))
        event = MetricsLogged(run_id, "sweep", time_ns, 0, ("loss",), struct.pack("<d", number / 10_000))
        pipeline.queue().put(encode(event), fact=False)
        pipeline.append(RunEnded(run_id, "sweep", time_ns + 10**9, "FINISHED"))
    pipeline.close(60)
    started = DashboardProcess.start(DashboardSettings(str(layout.root), port=0))
    yield started.address.rstrip("/")
    started.stop()


BLANKS = """async () => {
  const grid = document.querySelector('.grid'), found = [], counts = new Set();
  const last = grid.scrollHeight - grid.clientHeight;
  const look = () => {
    const view = grid.getBoundingClientRect(), head = grid.querySelector('.grid-head').offsetHeight;
    for (let y = view.top + head + 10; y < view.top + grid.clientHeight - 4; y += 25) {
      const row = document.elementFromPoint(view.left + 60, y)?.closest('.grid-row');
      const wanted = 9999 - Math.floor((grid.scrollTop + y - view.top - head) / 30);
      if (row?.querySelector('.run-link')?.textContent !== `run ${wanted}`) found.push([grid.scrollTop, y, wanted]);
    }
    counts.add(grid.querySelectorAll('.grid-row').length);
  };
  for (let k = 0; k <= 40; k += 1) {
    grid.scrollTop = Math.round(k % 2 ? last * k / 40 : last * (1 - k / 80) + k);
    await new Promise((done) => requestAnimationFrame(done));
    look();
  }
  const rows = Number(grid.getAttribute('aria-rowcount'));
  return {found: found.slice(0, 5), most: Math.max(...counts), rows};
}"""


@pytest.fixture
def table_only(page: Page) -> None:
    """The page without its charts, as this browser would remember it."""
    page.add_init_script("localStorage.setItem('steplog.layout', JSON.stringify({arrangement: 'table'}))")


@pytest.mark.usefixtures("table_only")
def test_ten_thousand_runs_scroll_without_blank_rows(page: Page, many: str) -> None:
    """However far a scroll jumps, the next frame shows the right runs, by fewer than 50 rows."""
    opened(page, many)
    seen: dict[str, Any] = page.evaluate(BLANKS)

    assert seen["found"] == []
    assert seen["rows"] == 10_001
    assert seen["most"] < 50


@pytest.mark.usefixtures("table_only")
def test_ten_thousand_runs_are_sorted_grouped_and_searched(page: Page, many: str) -> None:
    """All of them, not only those on the screen."""
    opened(page, f"{many}/?sort=metrics.loss&group=params.optimizer")

    expect(page.locator(".grid-row.group").first.locator(".badge")).to_have_text("5000")
    assert names(page)[0] == "run 0"
    page.get_by_role("searchbox", name="Search runs").fill("run 777")
    expect(page.locator(".told-count")).to_contain_text("19 of")


def test_a_search_of_hundreds_of_trials_is_one_line_until_it_is_unfolded(
    page: Page, serve: Callable[..., str], tmp_path: Path
) -> None:
    """Runs inside another are folded away, and counted; a search for one finds it all the same."""
    with ExperimentTracker(tmp_path / "store", "study", auto_log=False) as tracker:
        parent = tracker.start_run("pipeline")
        for number in range(300):
            tracker.start_run(f"trial {number}", parent=parent, nested=True)
            tracker.end_run()
        tracker.end_run(run_id=parent)
        tracker.start_run("alone")
        tracker.end_run()
    opened(page, serve(tmp_path / "store"))
    fold = page.locator(".told-fold")
    folded = names(page)
    fold.click()
    expect(page.locator(".told-count")).to_have_text("302 runs")
    address = query(page)
    expect(fold).to_have_text("Hide 300 child runs")
    fold.click()

    expect(fold).to_have_text("Show 300 child runs")
    expect(page.locator(".told-count")).to_have_text("2 runs")
    assert (folded, address) == (["alone", "pipeline"], {"children": "1"})
    page.get_by_role("searchbox", name="Search runs").fill("299")
    expect(page.locator(".told-count")).to_have_text("1 of 302 runs")
    assert names(page) == ["trial 299"]
