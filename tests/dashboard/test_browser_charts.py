"""The charts in a real browser: what is drawn, read off, zoomed, smoothed, searched; and what comes live."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from readers.dashboard.process import DashboardProcess
from readers.dashboard.settings import DashboardSettings
from tracker import ExperimentTracker

if TYPE_CHECKING:
    from tests.dashboard.conftest import Demo

SPIKE_AT, LONG = 654_321, 1_000_000
ROUNDS = 10
"""Of forty points each: so many are a minute on a slow machine, and the page asks in the first seconds."""
CHILD = """
import sys
from tracker import ExperimentTracker
with ExperimentTracker(sys.argv[1], "live", auto_log=False) as tracker:
    print(tracker.start_run("runs now"), flush=True)
    step = 0
    for line in sys.stdin:
        for _ in range(int(line)):
            tracker.log_metrics({"loss": 900.0 - step, "other": 1.0}, step=step)
            tracker.log_metrics({"stepless": 1.0})
            step += 1
        tracker.flush()
"""


class Logger:
    """A run in a process of its own that logs so many points when asked to: loss = 900 - step."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", CHILD, str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.run_id = self.process.stdout.readline().strip()

    def log(self, points: int) -> None:
        """Log, and go on at once."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{points}\n")
        self.process.stdin.flush()


@pytest.fixture
def logger(tmp_path: Path) -> Iterator[Logger]:
    """A running run in the store `tmp_path`/live, ten points old."""
    logger = Logger(tmp_path / "live")
    logger.log(10)
    with logger.process:
        yield logger


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory, page_is_built: None) -> Iterator[str]:
    """The address of a run with a million points, all 0.5 but for one: 50."""
    folder = tmp_path_factory.mktemp("long")
    with ExperimentTracker(folder, "long", auto_log=False) as tracker:
        tracker.start_run("a million")
        log = tracker.log_metrics
        for step in range(LONG):
            log({"loss": 50.0 if step == SPIKE_AT else 0.5}, step=step)
        tracker.end_run()
    started = DashboardProcess.start(DashboardSettings(str(folder), port=0))
    yield started.address.rstrip("/")
    started.stop()


def resnets(demo: "Demo") -> str:
    """The runs of vision/resnet, as they stand in an address."""
    return ",".join(run_id for name, run_id in demo.ids.items() if name.startswith("resnet"))


def chart(page: Page, key: str) -> Locator:
    """The chart of a metric, when it is drawn."""
    found = page.locator(f'.charts .chart[data-key="{key}"]')
    expect(found).to_have_attribute("data-state", "ready")
    expect(found.locator("canvas")).to_be_visible()
    return found


def ink(drawn: Locator) -> int:
    """How many pixels of the canvas aren't empty."""
    script = """canvas => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let k = 3; k < data.length; k += 4) if (data[k] > 0) count += 1;
      return count;
    }"""
    return int(drawn.locator("canvas").evaluate(script))


def picture(drawn: Locator) -> str:
    """The canvas as it is now."""
    return str(drawn.locator("canvas").evaluate("canvas => canvas.toDataURL()"))


def query(page: Page) -> dict[str, list[str]]:
    """The address's query."""
    return parse_qs(urlsplit(page.url).query)


def series_requests(page: Page) -> list[Request]:
    """The questions for points, from now on."""
    found: list[Request] = []
    page.on("request", lambda request: found.append(request) if request.url.endswith("/api/series") else None)
    return found


def drag(page: Page, drawn: Locator, begin: float, end: float) -> None:
    """Drag from one share of the plot's width to another."""
    box = drawn.locator(".u-over").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + begin * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], y, steps=4)
    page.mouse.up()


def test_each_metric_of_the_chosen_runs_is_a_chart(page: Page, demo: "Demo") -> None:
    """Charts stand in sections by prefix, are drawn, and say their last values in words."""
    page.goto(f"/?runs={resnets(demo)}")

    loss = chart(page, "loss")
    assert ink(loss) > 500
    expect(loss.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile(r"^loss over step, 6 runs\. Last values")
    )
    expect(page.locator('.charts-section[data-section="val"] .chart')).to_have_count(1)
    expect(page.locator(".legend-entry")).to_have_count(6)


def test_the_crosshair_reads_the_runs_off_by_value_in_all_charts(page: Page, demo: "Demo") -> None:
    """The box at the pointer has a row a run, the largest value first; the other charts show the same x."""
    page.goto(f"/?runs={resnets(demo)}")
    other = chart(page, "val/accuracy")
    chart(page, "loss").locator(".u-over").hover(position={"x": 40, "y": 60})

    rows = page.locator(".chart-tip-row")
    expect(rows).to_have_count(6)
    values = [float(text) for text in rows.locator(".chart-tip-value").all_text_contents()]
    assert values == sorted(values, reverse=True)
    expect(page.locator(".chart-tip-row[data-nearest]")).to_have_count(1)
    expect(page.locator(".chart-tip-title")).to_have_text(re.compile(r"^step \d+$"))
    expect(other.locator(".chart-dot")).to_have_count(6)


def test_the_axes_follow_the_runs_that_are_drawn(page: Page, demo: "Demo") -> None:
    """A chart that five of six runs have left is to the pixel one that was opened with the sixth alone."""
    first, *others = resnets(demo).split(",")
    page.goto(f"/?runs={first}")
    alone = picture(chart(page, "loss"))

    page.goto(f"/?runs={first},{','.join(others)}")
    assert picture(chart(page, "loss")) != alone
    for run_id in others:
        page.locator(f'.grid-row[data-run="{run_id}"] .cell-pick').click()
    page.mouse.move(0, 0)
    until(page, lambda: picture(chart(page, "loss")) == alone)


def test_a_spike_of_one_point_in_a_million_is_seen_and_found_by_zooming(page: Page, long: str) -> None:
    """The y-range holds it before and after; a range that is dragged is asked for anew; a double click resets."""
    page.goto(long)
    loss = chart(page, "loss")
    expect(loss).to_have_attribute("data-points", str(LONG))
    assert float(loss.get_attribute("data-top") or 0) > 50

    asked = series_requests(page)
    for _ in range(2):
        drag(page, loss, 0.6, 0.7)
        expect(loss).not_to_have_attribute("data-points", str(LONG))
    zoomed = asked[0].post_data_json
    assert zoomed is not None
    assert zoomed["from"] < SPIKE_AT < zoomed["to"]
    assert zoomed["buckets"] >= 200
    assert query(page)["c.of"][0].startswith("loss|zoom:")

    loss.get_by_role("button", name="Reset zoom").click()
    expect(loss).to_have_attribute("data-points", str(LONG))
    assert "c.of" not in query(page)


def test_a_zoom_can_hold_for_all_charts(page: Page, demo: "Demo") -> None:
    """With the option on, a range dragged in one chart is that of every chart, and stands in the address once."""
    page.goto(f"/?runs={resnets(demo)}")
    loss, accuracy = chart(page, "loss"), chart(page, "val/accuracy")
    page.get_by_role("button", name="View options").click()
    page.get_by_label("Zoom all charts together").check()
    page.keyboard.press("Escape")

    drag(page, loss, 0.25, 0.75)
    for each in (loss, accuracy):
        expect(each.get_by_role("button", name="Reset zoom")).to_be_visible()
    lower, upper = map(float, query(page)["c.zoom"][0].split(":"))
    assert 0 < lower < upper < 19
    accuracy.locator(".u-over").dblclick()
    expect(loss.get_by_role("button", name="Reset zoom")).to_be_hidden()


def test_live_points_are_drawn_without_asking_again(
    serve: Callable[..., str], tmp_path: Path, logger: Logger, page: Page
) -> None:
    """While a process logs, its chart grows by what is pushed; questions are asked as the push begins, then no more."""
    page.goto(f"{serve(tmp_path / 'live')}/?runs={logger.run_id}")
    loss = chart(page, "loss")
    expect(loss).to_have_attribute("data-points", "10")
    expect(page.locator(".bar-state")).to_have_attribute("data-state", "live")

    asked = series_requests(page)
    drawn = 10
    for _ in range(ROUNDS):
        asked.clear()
        for _ in range(4):
            logger.log(10)
            drawn += 10
            expect(loss).to_have_attribute("data-points", str(drawn))
        expect(loss.get_by_role("img")).to_have_attribute("aria-label", re.compile(rf" {901 - drawn}\.$"))
        if not asked:
            return
    pytest.fail(f"the page went on asking: {[request.post_data for request in asked]}")


def test_points_without_a_step_are_drawn_once(
    serve: Callable[..., str], tmp_path: Path, logger: Logger, page: Page
) -> None:
    """Only their order is known of them; what is pushed and what was answered are told apart all the same."""
    page.goto(f"{serve(tmp_path / 'live')}/?runs={logger.run_id}")
    stepless = chart(page, "stepless")
    expect(page.locator(".bar-state")).to_have_attribute("data-state", "live")

    asked = series_requests(page)
    logged = 10
    while not any("stepless" in (request.post_data or "") and request.response() for request in asked):
        logger.log(10)
        logged += 10
        expect(stepless).to_have_attribute("data-points", str(logged))
    logger.log(10)
    expect(stepless).to_have_attribute("data-points", str(logged + 10))


def until(page: Page, true: Callable[[], bool]) -> None:
    """Let the browser's events come in until something holds."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        page.wait_for_timeout(10)


HIDE = """state => {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_hidden_page_asks_for_no_points_and_has_them_all_when_it_is_seen(
    serve: Callable[..., str], tmp_path: Path, logger: Logger, page: Page
) -> None:
    """Behind another tab nothing is pushed to it; looked at again, it asks for what it shows and goes on live."""
    sent: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda text: sent.append(str(text))))
    page.goto(f"{serve(tmp_path / 'live')}/?runs={logger.run_id}")
    loss = chart(page, "loss")
    expect(page.locator(".bar-state")).to_have_attribute("data-state", "live")

    until(page, lambda: logger.run_id in sent[-1])
    page.evaluate(HIDE, "hidden")
    until(page, lambda: sent[-1] == '{"subscribe":{"runs":[],"keys":[]}}')
    logger.log(10)
    page.evaluate(HIDE, "visible")

    expect(loss).to_have_attribute("data-points", "20")
    logger.log(10)
    expect(loss).to_have_attribute("data-points", "30")


@pytest.mark.usefixtures("may_say_anything_of_connections")
def test_charts_survive_a_restart_of_the_server(
    page: Page, logger: Logger, tmp_path: Path, page_is_built: None
) -> None:
    """Gone, the page says so and keeps what is drawn; back at its address, it goes on live, and misses no point."""
    folder = tmp_path / "live"
    server = DashboardProcess.start(DashboardSettings(str(folder), port=0))
    try:
        page.goto(f"{server.address}?runs={logger.run_id}")
        loss = chart(page, "loss")
        expect(loss).to_have_attribute("data-points", "10")
        server.stop()
        expect(page.locator(".bar-state")).to_have_attribute("data-state", "off")
        logger.log(10)
        assert ink(loss) > 500
        port = urlsplit(server.address).port
        assert port is not None
        server = DashboardProcess.start(DashboardSettings(str(folder), port=port))
        expect(loss).to_have_attribute("data-points", "20", timeout=15_000)
        logger.log(10)
        expect(loss).to_have_attribute("data-points", "30")
    finally:
        server.stop()


@pytest.fixture
def may_say_anything_of_connections(may_say: list[str]) -> None:
    """A server that is away can't be reached, and browsers say so on the console."""
    may_say.append(r"ERR_CONNECTION|WebSocket|Failed to load resource")


def test_smoothing_draws_another_line_and_stands_in_the_address(page: Page, demo: "Demo") -> None:
    """The slider changes the picture; the link reproduces it."""
    page.goto(f"/?runs={resnets(demo)}")
    loss = chart(page, "loss")
    before = picture(loss)

    page.get_by_label("Smoothing").fill("70")
    page.wait_for_url("**c.smooth=*")
    after = picture(loss)
    assert after != before

    page.reload()
    assert 0.8 < float(query(page)["c.smooth"][0]) < 1
    expect(page.locator(".charts-amount")).to_have_text("0.91")
    chart(page, "loss").hover()
    expect(page.locator(".chart-tip-row").first).to_contain_text("logged")


def test_a_log_axis_is_remembered_by_metric(page: Page, demo: "Demo") -> None:
    """A chart's menu turns its y-axis; another visit without the link's words finds it so."""
    page.goto(f"/?runs={resnets(demo)}")
    linear = picture(chart(page, "loss"))
    chart(page, "loss").hover()
    page.get_by_role("button", name="More for loss").click()
    page.get_by_role("menuitemradio", name="Logarithmic y").click()
    page.wait_for_url("**c.of=loss*")
    assert query(page)["c.of"] == ["loss|log"]

    page.goto(f"/?runs={resnets(demo)}")
    page.mouse.move(0, 0)
    assert picture(chart(page, "loss")) != linear
    chart(page, "loss").hover()
    page.get_by_role("button", name="More for loss").click()
    expect(page.get_by_role("menuitemradio", name="Logarithmic y")).to_have_attribute("aria-checked", "true")
    page.keyboard.press("Escape")
    chart(page, "val/accuracy").hover()
    page.get_by_role("button", name="More for val/accuracy").click()
    expect(page.get_by_role("menuitemradio", name="Logarithmic y")).to_have_attribute("aria-checked", "false")


def test_groups_are_a_mean_and_an_interval(page: Page, demo: "Demo") -> None:
    """Grouped by a param, a chart has a line a group and says how many runs are behind it."""
    page.goto(f"/?runs={resnets(demo)}&group=params.optimizer")
    loss = chart(page, "loss")

    expect(page.locator(".legend-entry")).to_have_text(["adamn = 3", "sgdn = 3"])
    loss.locator(".u-over").hover(position={"x": 60, "y": 60})
    expect(page.locator(".chart-tip-row")).to_have_count(2)
    expect(page.locator(".chart-tip-row").first).to_contain_text("n = 3")
    page.get_by_role("button", name="View options").click()
    page.get_by_label("Groups are drawn as").select_option("runs")
    page.keyboard.press("Escape")
    loss.locator(".u-over").hover(position={"x": 70, "y": 60})
    expect(page.locator(".chart-tip-row")).to_have_count(6)


def test_metrics_are_found_by_words_and_by_a_regular_expression(page: Page, demo: "Demo") -> None:
    """Charts that don't fit go; what fits none says so and offers the way back."""
    page.goto(f"/?runs={resnets(demo)}")
    chart(page, "loss")
    field = page.get_by_label("Find metrics")
    shown = page.locator(".charts .chart")

    field.fill("accu")
    expect(shown).to_have_count(1)
    expect(shown).to_have_attribute("data-key", "val/accuracy")
    field.fill("/^lo/")
    expect(shown).to_have_attribute("data-key", "loss")
    field.fill("/(/")
    expect(page.get_by_text("This regular expression can't be read")).to_be_visible()
    field.fill("nothing like it")
    expect(page.get_by_text("No metric fits “nothing like it”")).to_be_visible()
    page.get_by_role("button", name="Show all metrics").click()
    expect(shown).to_have_count(2)


def test_of_thousands_of_metrics_only_those_in_view_are_asked_for(
    serve: Callable[..., str], tmp_path: Path, page: Page
) -> None:
    """A run with 2,000 metrics asks for a screenful of charts, and for others as they are scrolled to."""
    with ExperimentTracker(tmp_path, "wide", auto_log=False) as tracker:
        tracker.start_run("wide")
        tracker.log_metrics({f"layer/{number:04}": float(number) for number in range(2000)}, step=0)
        tracker.end_run()
    address = serve(tmp_path)
    asked = series_requests(page)
    page.goto(address)
    chart(page, "layer/0000")

    assert 0 < len(asked) <= 24
    assert page.locator(".charts .chart").count() < 100
    page.get_by_label("Find metrics").fill("layer/1999")
    chart(page, "layer/1999")
    assert len(asked) <= 25


def test_a_chart_fills_the_window_and_is_left_by_escape(page: Page, demo: "Demo") -> None:
    """Enter on a chart opens it large; the address says so; Escape goes back."""
    page.goto(f"/?runs={resnets(demo)}")
    chart(page, "loss").get_by_role("img").focus()
    page.keyboard.press("Enter")
    large = page.locator("dialog .chart")
    expect(large).to_have_attribute("data-state", "ready")
    assert query(page)["c.full"] == ["loss"]

    page.keyboard.press("Escape")
    expect(large).to_have_count(0)
    assert "c.full" not in query(page)


def test_the_arrow_keys_read_a_chart(page: Page, demo: "Demo") -> None:
    """With the focus on a chart, the arrows move the crosshair and its values are spoken."""
    page.goto(f"/?runs={demo.ids['resnet-adam-0']}")
    loss = chart(page, "loss")
    loss.get_by_role("img").focus()
    page.keyboard.press("Home")

    expect(loss.get_by_role("status")).to_have_text("step 0: resnet-adam-0 1")
    page.keyboard.press("End")
    expect(loss.get_by_role("status")).to_have_text("step 19: resnet-adam-0 0.05")


def test_a_chart_is_a_table_too_and_a_file(page: Page, demo: "Demo") -> None:
    """The menu shows the values as a table, and saves them as CSV and PNG."""
    page.goto(f"/?runs={demo.ids['resnet-adam-0']}")
    loss = chart(page, "loss")

    def choose(words: str) -> None:
        loss.hover()
        page.get_by_role("button", name="More for loss").click()
        page.get_by_role("menu").get_by_text(words).click()

    choose("Show as a table")
    expect(loss.locator("tbody tr")).to_have_text("resnet-adam-00.0519" + "0.051" + "20")
    with page.expect_download() as csv:
        choose("Download as CSV")
    lines = Path(csv.value.path()).read_text().splitlines()
    assert csv.value.suggested_filename == "loss.csv"
    assert (lines[0], len(lines)) == ("run_id,run,step,value,min,max,not_finite", 21)
    with page.expect_download() as png:
        choose("Download as PNG")
    assert Path(png.value.path()).read_bytes().startswith(b"\x89PNG")


def test_what_is_not_finite_is_marked_and_said(page: Page, demo: "Demo") -> None:
    """A metric that is NaN has a mark at the axis, and says NaN in words."""
    page.goto(f"/?runs={demo.ids['bert-1']}")
    odd = chart(page, "perplexity")

    expect(odd.get_by_role("img")).to_have_attribute("aria-label", re.compile("bert-1 NaN"))
    assert ink(odd) > 20


def test_names_of_metrics_stay_text(page: Page, demo: "Demo") -> None:
    """A metric named like markup is a chart with an odd title; the page fixture fails at any dialog or error."""
    name = "<img src=x onerror=alert(1)>"
    page.goto(f"/?runs={demo.ids[name]}")

    expect(page.locator(".charts .chart-title").filter(has_text=name)).to_be_visible()
    assert page.locator(".charts img").count() == 0
