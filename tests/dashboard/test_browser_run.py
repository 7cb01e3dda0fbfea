"""A run's page in a real browser: what was logged is shown, edits come back, and nothing hostile is more than text."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
import numpy as np
import polars as pl
import pytest
from matplotlib.figure import Figure
from playwright.sync_api import Locator, Page, expect

from readers.dashboard.process import DashboardProcess
from readers.dashboard.settings import DashboardSettings
from readers.store import Store
from tracker import ExperimentTracker

if TYPE_CHECKING:
    from tests.dashboard.conftest import Demo

TRAINING = """
import sys
from tracker import ExperimentTracker

with ExperimentTracker(sys.argv[1], "live", auto_log=False) as tracker:
    tracker.start_run("training", run_id="training")
    print("started", flush=True)
    step = 0
    while not tracker.should_stop():
        tracker.log_metrics({"loss": 1.0 / (step + 1)}, step=step)
        tracker.flush()
        sum(range(1_000_000))  # what takes its time in a step
        step += 1
    tracker.end_run()
"""
"""A training as people write it: it asks at each step whether it should go on."""
PATHS = ("<img src=x onerror=alert(1)>.txt", "a/<script>alert(2)<", "javascript:alert(3).md")
LONG = "".join(f"{number} " for number in range(200_000))


class Logged(NamedTuple):
    """A store with one run of everything, another writer's scratch, and a server over it."""

    path: Path
    address: str


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory, page_is_built: None) -> Iterator[Logged]:
    """Two runs to look at, one to edit."""
    folder = tmp_path_factory.mktemp("logged")
    with ExperimentTracker(folder / "store", "study", auto_log=False) as tracker:
        whole(tracker)
        tracker.start_run("large", run_id="large", params={"prompt": LONG})
        tracker.log_metrics({f"layer_{number}/norm": float(number) for number in range(3000)})
        tracker.end_run()
        tracker.start_run("edited", run_id="edited", tags={"team": "red"})
        tracker.end_run()
    started = DashboardProcess.start(DashboardSettings(str(folder / "store"), port=0))
    yield Logged(folder / "store", started.address.rstrip("/"))
    started.stop()


def whole(tracker: ExperimentTracker) -> None:
    """A run of everything that can be logged, with two parts."""
    mpl.use("Agg")
    tracker.start_run("whole", run_id="whole", params={"lr": 0.003, "optimizer": {"name": "adam"}})
    for step in range(5):
        tracker.log_metrics({"loss": 1.0 / (step + 1), "val/accuracy": 0.5 + step / 10}, step=step)
    tracker.log_metrics({"system/cpu": 12.0})
    figure = Figure(figsize=(2, 2))
    figure.subplots().plot([1, 2, 3])
    tracker.log_plot(figure, "plots/curve.png")
    tracker.log_text("line one\nline two", "logs/train.log")
    tracker.log_dict({"model": {"layers": [1, 2]}}, "config.json")
    tracker.log_dataframe(pl.DataFrame({"name": ["x", "y"], "score": [0.25, 0.75]}), "table.parquet")
    tracker.log_text("a,b\n1,two\n", "table.csv")
    tracker.log_numpy_array(np.arange(4.0), "weights.npy")
    for path in PATHS:
        tracker.log_text(f"<b>{path}</b><script>alert(9)</script>", path)
    tracker.log_model({"weights": np.zeros(3)}, "net", aliases="best")
    for name in ("part one", "part two"):
        tracker.start_run(name, run_id=name.replace(" ", "-"), parent="whole", nested=True)
        tracker.end_run()
    tracker.end_run(run_id="whole")


@pytest.fixture
def server(logged: Logged) -> str:
    """Pages begin at this module's server."""
    return logged.address


def opened(page: Page, run: str, query: str = "") -> Page:
    """A run's page when it is there."""
    page.goto(f"/run/{run}{query}")
    page.wait_for_selector(".run-head")
    return page


def tab(page: Page, name: str) -> Locator:
    """One of the parts' names."""
    return page.get_by_role("tab", name=name)


def part(page: Page, heading: str) -> Locator:
    """A part of the page by its heading."""
    return page.locator(".part", has=page.get_by_role("heading", name=heading, exact=True))


def row(page: Page, text: str) -> Locator:
    """The row of a list that holds a text."""
    return page.locator(".list tbody tr", has_text=text)


def file(page: Page, name: str) -> Locator:
    """A file of the tree."""
    return page.locator(".tree-file", has_text=name)


def test_the_overview_shows_params_and_where_each_metric_stands(page: Page) -> None:
    """Nested params leaf by leaf; of metrics the last, lowest and highest value; the machine's own stand apart."""
    opened(page, "whole")

    expect(page.get_by_role("heading", level=1)).to_have_text("whole")
    expect(page.locator(".run-status")).to_have_text("Finished")
    expect(row(page, "optimizer.name")).to_contain_text("adam")
    assert row(page, "loss").locator("td").all_text_contents() == ["loss", "0.2", "0.2 best", "1", "0.4567", "5", "0"]
    expect(row(page, "system/cpu")).to_have_count(0)


def test_the_address_names_the_part_that_is_shown(page: Page) -> None:
    """A part is chosen by a click or by arrow keys, and a link to it opens it."""
    opened(page, "whole")
    tab(page, "Environment").click()
    assert page.url.endswith("/run/whole?tab=environment")
    page.keyboard.press("ArrowRight")
    expect(tab(page, "Events")).to_be_focused()

    opened(page, "whole", "?tab=events&kind=artifact")

    expect(tab(page, "Events")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".list tbody tr")).to_have_count(6 + len(PATHS))
    expect(row(page, "plots/curve.png")).to_be_visible()


def test_files_are_shown_by_what_they_hold(page: Page) -> None:
    """Pictures as pictures, text as text, CSV, Parquet and arrays as tables, JSON as a tree."""
    opened(page, "whole", "?tab=artifacts")
    preview = page.locator(".preview")

    expect(preview.get_by_role("img")).to_be_visible()
    expect(preview.get_by_role("img")).not_to_have_js_property("naturalWidth", 0)
    file(page, "train.log").click()
    expect(preview.locator(".scrolled")).to_have_text("line one\nline two", use_inner_text=True)
    file(page, "config.json").click()
    expect(preview.locator(".json")).to_contain_text("layers")
    for name, cells in (
        ("table.parquet", ["x", "0.25", "y", "0.75"]),
        ("table.csv", ["1", "two"]),
        ("weights.npy", ["0", "1", "2", "3"]),
    ):
        file(page, name).click()
        expect(preview.locator("h3")).to_have_text(name)
        expect(preview.locator("td")).to_have_text(cells)


def test_a_link_opens_the_file_it_names(page: Page) -> None:
    """The chosen file is part of the address; one that isn't there is said not to be."""
    opened(page, "whole", "?tab=artifacts")
    file(page, "train.log").click()
    page.reload()
    expect(page.locator(".preview h3")).to_have_text("logs/train.log")

    opened(page, "whole", "?tab=artifacts&file=gone.txt")

    expect(page.locator(".preview")).to_contain_text("No such file in this run")


@pytest.mark.parametrize("path", PATHS)
def test_hostile_files_stay_text(page: Page, path: str) -> None:
    """Names and contents that are markup are shown as they are written, and what they ask for isn't done."""
    opened(page, "whole", "?tab=artifacts")
    file(page, path.rsplit("/", maxsplit=1)[-1]).click()

    expect(page.locator(".preview h3")).to_have_text(path)
    expect(page.locator(".preview-body")).to_contain_text("<script>alert(9)</script>")
    assert page.locator(".preview-body script, .preview-body b, .tree img").count() == 0


def test_hostile_names_stay_text_in_every_part(serve: Callable[..., str], demo: "Demo", page: Page) -> None:
    """Run names, params, tags, metrics and events that are markup, in all parts of the page."""
    name = "<img src=x onerror=alert(1)>"
    page.goto(f"{serve(demo.path)}/run/{demo.ids[name]}")
    page.wait_for_selector(".run-head")

    expect(page.locator("h1")).to_have_text(name)
    expect(page.locator(".tag").first).to_contain_text(name)
    for title in ("Charts", "System", "Files", "Models", "Environment", "Events"):
        tab(page, title).click()
        expect(tab(page, title)).to_have_attribute("aria-selected", "true")
        assert page.locator("img[src='x']").count() == 0
    expect(row(page, name).first).to_be_visible()


def test_a_text_of_a_megabyte_is_cut_and_all_there_on_demand(page: Page) -> None:
    """The answer carries its beginning; the rest comes when it is asked for."""
    opened(page, "large")
    value = row(page, "prompt").locator(".value")
    assert len(value.inner_text()) < 500

    value.get_by_role("button", name="show all").click()
    box = value.locator(".scrolled")
    expect(box).to_be_visible()
    box.evaluate("box => { box.scrollTop = box.scrollHeight }")

    expect(box).to_contain_text(" 16999 17000 ")
    value.get_by_role("button", name="show less").click()
    assert len(value.inner_text()) < 500


def test_thousands_of_metrics_are_searched_not_all_drawn(page: Page) -> None:
    """A hundred rows are in the page; the search looks in all."""
    opened(page, "large")
    metrics = part(page, "Metrics")
    expect(metrics.locator("tbody tr")).to_have_count(100)

    metrics.get_by_role("searchbox").fill("2999 norm")

    expect(metrics.locator("tbody tr")).to_have_count(1)
    expect(metrics.locator(".list-count")).to_have_text("1 of 3000 metrics")


def test_parts_and_models_are_listed(page: Page) -> None:
    """Child runs lead to their pages, and they back; models have their versions."""
    opened(page, "whole")
    page.get_by_role("link", name="part two").click()
    expect(page.locator("h1")).to_have_text("part two")
    page.locator(".facts").get_by_role("link", name="whole").click()
    expect(page.locator("h1")).to_have_text("whole")

    tab(page, "Models").click()

    expect(part(page, "Models").locator("tbody tr")).to_contain_text(["net"])
    expect(part(page, "Checkpoints")).to_contain_text("No checkpoint was written")


def test_the_code_is_shown_with_the_changes_that_no_commit_has(
    page: Page, logged: Logged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commit and branch, added and removed lines told apart, and the packages, which can be searched."""
    monkeypatch.chdir(tmp_path)
    for command in (["init", "-q", "-b", "trunk"], ["add", "."], ["commit", "-q", "-m", "first"]):
        (tmp_path / "train.py").write_text("lr = 0.1\n")
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@y", *command], check=True)
    (tmp_path / "train.py").write_text("lr = 0.3  # <b>better</b>\n")
    with ExperimentTracker(logged.path, "study") as tracker:
        tracker.start_run("changed", run_id="changed")
    opened(page, "changed", "?tab=environment&packages=polars")

    expect(part(page, "Code")).to_contain_text("trunk")
    expect(page.locator(".diff-remove")).to_have_text(["-lr = 0.1"])
    expect(page.locator(".diff-add")).to_have_text(["+lr = 0.3  # <b>better</b>"])
    expect(part(page, "Packages").locator("tbody td").first).to_have_text("polars")
    assert page.locator(".diff b").count() == 0


def test_a_running_run_is_followed(page: Page, logged: Logged) -> None:
    """Values, files and the status change on the page as they do in the run."""
    with ExperimentTracker(logged.path, "study", auto_log=False) as tracker:
        tracker.start_run("followed", run_id="followed")
        tracker.log_metrics({"loss": 2.0}, step=0)
        tracker.flush()
        opened(page, "followed")
        expect(row(page, "loss").locator("td").nth(1)).to_have_text("2")
        expect(page.get_by_text("Live", exact=True)).to_be_visible()

        tracker.log_metrics({"loss": 1.5}, step=1)
        tracker.log_text("done", "result.txt")
        tracker.flush()

        expect(row(page, "loss").locator("td").nth(1)).to_have_text("1.5")
        expect(tab(page, "Files")).to_contain_text("1")
    expect(page.locator(".run-status")).to_have_text("Finished")


def test_a_note_is_written_in_place_and_comes_back(page: Page, logged: Logged) -> None:
    """Saved by Ctrl+Enter, shown as text, stored as the run's note; Escape leaves it as it was."""
    opened(page, "edited")
    page.get_by_role("button", name="Add a note").click()
    page.keyboard.type("<b>first</b> look")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".note-text")).to_have_text("<b>first</b> look")
    page.get_by_role("button", name="Edit note").click()
    page.keyboard.type("nothing of this")
    page.keyboard.press("Escape")
    page.reload()

    expect(page.locator(".note-text")).to_have_text("<b>first</b> look")
    assert tags_of(logged.path, "edited")["note"] == "<b>first</b> look"


def test_tags_are_added_changed_and_removed_in_place(page: Page, logged: Logged) -> None:
    """Each edit is in the store when it is shown."""
    opened(page, "edited")
    page.get_by_role("button", name="Add tag").click()
    page.keyboard.type("stage")
    page.keyboard.press("Tab")
    page.keyboard.type("<i>candidate")
    page.keyboard.press("Enter")
    expect(page.locator(".tag", has_text="stage")).to_contain_text("<i>candidate")
    page.locator(".tag", has_text="team").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(".tag", has_text="team")).to_have_count(0)
    page.reload()

    expect(page.locator(".tag")).to_have_text(["stage<i>candidate"])
    tags = tags_of(logged.path, "edited")
    assert (tags["stage"], "team" in tags) == ("<i>candidate", False)


def test_the_stop_button_ends_a_training_that_asks(page: Page, logged: Logged) -> None:
    """After the question is answered, the process sees should_stop() and ends by itself; the page says so."""
    with subprocess.Popen([sys.executable, "-c", TRAINING, logged.path], stdout=subprocess.PIPE) as training:
        assert training.stdout is not None
        training.stdout.readline()
        opened(page, "training")
        expect(page.locator(".run-status")).to_have_text("Running")
        page.get_by_role("button", name="Stop run").click()
        page.get_by_role("button", name="Keep it running").click()
        assert training.poll() is None

        page.get_by_role("button", name="Stop run").click()
        page.get_by_role("button", name="Stop the run").click()

        assert training.wait(10) == 0
    expect(page.locator(".run-status")).to_have_text("Finished")
    expect(page.get_by_role("button", name="Stop run")).to_have_count(0)


@pytest.mark.parametrize("may_say", [["403"]])
def test_a_read_only_page_has_no_controls_and_its_server_refuses_them(
    serve: Callable[..., str], demo: "Demo", page: Page
) -> None:
    """Nothing to press, and pressing it by hand is answered with 403."""
    run = demo.ids["resnet-adam-0"]
    page.goto(f"{serve(demo.path, read_only=True)}/run/{run}")
    expect(page.locator(".tag")).to_have_text(["teamblue"])
    assert page.locator(".run-head button").all_inner_texts() == ["copy"]

    refused = page.evaluate(
        "async (run) => { const {token} = await (await fetch('/api/session')).json();"
        " const headers = {'X-Steplog-Token': token, 'Content-Type': 'application/json'};"
        " const asked = ['stop', 'tags', 'note'].map(what => fetch(`/api/runs/${run}/${what}`,"
        " {method: 'POST', headers, body: what === 'note' ? '{\"text\": \"x\"}' : '{}'}));"
        " return (await Promise.all(asked)).map(answer => answer.status); }",
        run,
    )

    assert refused == [403, 403, 403]


@pytest.mark.parametrize("may_say", [["404"]])
def test_a_run_that_is_not_there_is_said_not_to_be(page: Page) -> None:
    """In words, with a way back."""
    page.goto("/run/nobody")

    expect(page.locator(".state")).to_contain_text("nobody")
    page.get_by_role("link", name="All runs", exact=True).click()
    expect(page).to_have_url(f"{page.url.split('/run')[0].rstrip('/')}/")


@pytest.mark.parametrize("may_say", [["500", "ERR_", "Failed to load"]])
def test_a_refused_edit_says_why_and_keeps_what_was_typed(page: Page) -> None:
    """The server is gone when the note is saved: the words stay in the field, with the reason below."""
    opened(page, "whole")
    page.get_by_role("button", name="Add a note").click()
    page.keyboard.type("not lost")
    page.route("**/note", lambda route: route.abort())
    page.get_by_role("button", name="Save note").click()

    expect(page.locator(".field-error")).not_to_be_empty()
    expect(page.get_by_role("textbox", name="Note")).to_have_value("not lost")


@pytest.mark.parametrize("width", [390, 900])
def test_no_part_is_wider_than_a_small_screen(page: Page, width: int) -> None:
    """Wide tables scroll in themselves, the page doesn't."""
    page.set_viewport_size({"width": width, "height": 800})
    for run, titles in (
        ("whole", ("Overview", "System", "Files", "Models", "Environment", "Events")),
        ("large", ("Overview",)),
    ):
        opened(page, run)
        for title in titles:
            tab(page, title).click()
            expect(tab(page, title)).to_have_attribute("aria-selected", "true")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (run, title)


def tags_of(path: Path, run_id: str) -> dict[str, object]:
    """A run's tags as users get them."""
    return next(run["tags"] for run in Store(path).experiment_runs() if run["run_id"] == run_id)
