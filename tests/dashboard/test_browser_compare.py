"""The compare page in a real browser: what differs, pictures that choose runs, answers in words, links that hold."""

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

if TYPE_CHECKING:
    from tests.dashboard.conftest import Demo

RESNETS = [f"resnet-{optimizer}-{seed}" for seed in (0, 1, 2) for optimizer in ("adam", "sgd")]


def compared(page: Page, demo: "Demo", names: list[str] | None = None, **choices: str) -> Page:
    """The compare page of some runs, when it is there."""
    ids = ",".join(demo.ids[name] for name in names or RESNETS)
    page.goto(f"/compare?{urlencode({'runs': ids, **choices})}")
    page.wait_for_selector(".compare-head")
    return page


def tab(page: Page, name: str) -> Locator:
    """One of the questions' names."""
    return page.get_by_role("tab", name=name)


def part(page: Page, heading: str) -> Locator:
    """A part of the page by its heading."""
    return page.locator(".part", has=page.get_by_role("heading", name=heading, exact=True))


def query(page: Page) -> dict[str, str]:
    """The address's query."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def axis(page: Page, name: str) -> Locator:
    """An axis of the parallel coordinates."""
    return page.get_by_role("group", name=f"Axis {name}", exact=True)


def box(place: Locator) -> FloatRect:
    """Where something stands on the page."""
    found = place.bounding_box()
    assert found is not None
    return found


def runs_listed(page: Page) -> list[str]:
    """The runs of the list below a picture, from above."""
    return page.locator(".listing .run-label").all_inner_texts()


def test_only_what_differs_is_shown_until_the_rest_is_asked_for(page: Page, demo: "Demo") -> None:
    """What is the same in all six runs, as amp, isn't there; it comes with the toggle, which the link keeps."""
    compared(page, demo)
    differ = part(page, "What differs")
    expect(differ.locator("tbody td:first-child")).to_have_text(["lrparam", "optimizerparam", "seedparam", "teamtag"])
    expect(differ.locator("tbody tr", has_text="optimizer").locator("td:not(:first-child)")).to_have_text(
        ["adam", "sgd"] * 3
    )
    assert page.get_by_text("amp").count() == 0

    page.get_by_label("also what is the same").check()
    expect(part(page, "The same in all").locator("tbody tr", has_text="amp")).to_contain_text("true")
    page.reload()

    expect(part(page, "The same in all").locator("tbody tr", has_text="amp")).to_contain_text("true")


def test_the_best_run_of_each_metric_is_marked(page: Page, demo: "Demo") -> None:
    """The lowest loss, the highest accuracy."""
    compared(page, demo)
    metrics = part(page, "Metrics")

    expect(metrics.locator("tbody tr")).to_have_count(2)
    for metric in ("loss", "val/accuracy"):
        cells = metrics.locator("tbody tr", has_text=metric).locator("td")
        expect(cells.nth(1).locator(".best")).to_have_count(1)
        expect(metrics.locator("tbody tr", has_text=metric).locator(".best")).to_have_count(1)


def test_runs_can_be_left_out(page: Page, demo: "Demo") -> None:
    """The page goes on with the others, and so does its address."""
    compared(page, demo)
    page.get_by_role("button", name="Leave resnet-sgd-2 out").click()

    expect(page.locator("h1")).to_have_text("Compare 5 runs")
    assert query(page)["runs"].split(",") == [demo.ids[name] for name in RESNETS[:5]]


def test_an_experiment_is_compared_as_a_whole(page: Page) -> None:
    """The address names it, and whoever opens it later sees also runs that came since."""
    page.goto("/compare?experiment=vision/resnet")

    expect(page.locator("h1")).to_have_text("Compare 6 runs")


def test_dragging_on_an_axis_chooses_runs(page: Page, demo: "Demo") -> None:
    """The upper half of optimizer is sgd: three runs, in the list, in the address, and for the next page."""
    compared(page, demo, tab="parallel", metric="loss")
    expect(page.locator(".list-count")).to_have_text("6 chosen runs")
    line = box(axis(page, "optimizer").locator(".axis-line"))
    page.mouse.move(line["x"], line["y"] + 10)
    page.mouse.down()
    page.mouse.move(line["x"], line["y"] + line["height"] * 0.4, steps=4)
    page.mouse.up()

    sgd = [name for name in RESNETS if "sgd" in name]
    expect(page.locator(".selection")).to_contain_text("3 of 6 runs")
    assert runs_listed(page) == sgd
    assert query(page)["brush"] == "params.optimizer:1~1"
    page.get_by_role("button", name="Compare only these").click()
    expect(page.locator("h1")).to_have_text("Compare 3 runs")
    assert query(page)["runs"].split(",") == [demo.ids[name] for name in sgd]


def test_a_link_brings_back_what_was_chosen_on_the_axes(page: Page, demo: "Demo") -> None:
    """Also in another part: the scatter's list holds the same runs. Escape lets all of them go."""
    compared(page, demo, tab="parallel", metric="loss", brush="params.seed:1~2;params.optimizer:0~0")
    expect(page.locator(".selection")).to_contain_text("2 of 6 runs")
    assert runs_listed(page) == ["resnet-adam-1", "resnet-adam-2"]

    tab(page, "Scatter").click()
    expect(page.locator(".listing .run-label")).to_have_text(["resnet-adam-1", "resnet-adam-2"])
    page.keyboard.press("Escape")

    expect(page.locator(".listing .run-label")).to_have_count(6)
    assert "brush" not in query(page)


def test_axes_are_brushed_by_the_keyboard(page: Page, demo: "Demo") -> None:
    """Each axis has two sliders; their words say what they stand at, Delete lets go."""
    compared(page, demo, tab="parallel", metric="loss")
    low = page.get_by_role("slider", name="Lowest optimizer chosen")
    expect(low).to_have_attribute("aria-valuetext", "adam")
    low.focus()
    page.keyboard.press("ArrowUp")

    expect(low).to_have_attribute("aria-valuetext", "sgd")
    expect(page.locator(".selection")).to_contain_text("3 of 6 runs")
    page.keyboard.press("Delete")
    expect(page.locator(".selection")).to_be_hidden()


def test_axes_are_moved_and_chosen(page: Page, demo: "Demo") -> None:
    """By arrow keys on a name, by dragging it, and by ticks in a list; the address keeps all of it."""
    compared(page, demo, tab="parallel", metric="loss")
    names = page.locator(".axis-name")
    expect(names).to_contain_text(["lr", "optimizer", "seed", "loss"])
    names.first.focus()
    page.keyboard.press("ArrowRight")
    expect(names).to_contain_text(["optimizer", "lr", "seed", "loss"])
    from_, to = box(names.nth(1)), box(names.nth(0))
    page.mouse.move(from_["x"] + 10, from_["y"] + 8)
    page.mouse.down()
    page.mouse.move(to["x"] + 10, to["y"] + 8, steps=3)
    page.mouse.up()
    expect(names).to_contain_text(["lr", "optimizer", "seed", "loss"])

    page.locator(".pick summary").click()
    page.locator(".pick-one", has_text="params.seed").click()
    expect(names).to_have_count(3)
    page.reload()

    expect(names).to_contain_text(["lr", "optimizer", "loss"])


def test_lines_are_drawn_and_the_pointer_finds_their_runs(page: Page, demo: "Demo") -> None:
    """The best loss lies at the lower end of the last axis; a click there opens its run."""
    compared(page, demo, tab="parallel", metric="loss")
    line = box(axis(page, "loss").locator(".axis-line"))
    painted = page.locator(".parallel-lines").evaluate(
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)"
        ".data.some(value => value > 0)"
    )
    y = line["y"] + line["height"] * (1 - 0.06 / 1.12)
    page.mouse.move(line["x"] - 24, y - 3)

    assert painted
    expect(page.locator(".parallel .tip b")).to_be_visible()
    name = page.locator(".parallel .tip b").inner_text()
    page.mouse.click(line["x"] - 24, y - 3)
    expect(page.locator("h1")).to_have_text(name)


def test_verdicts_come_in_words_first(page: Page, demo: "Demo") -> None:
    """Then the groups as dots with intervals; runs of one seed are pairs unless one chooses otherwise."""
    compared(page, demo, tab="verdicts", metric="loss")
    expect(page.locator(".words")).to_contain_text("adam")
    expect(page.get_by_label("Pair on")).to_have_value("params.seed")
    expect(page.locator(".estimate:not(.estimate-axis) .estimate-name")).to_contain_text(["adam", "sgd"])
    expect(page.locator(".estimate-point")).to_have_count(6)

    page.get_by_label("Group by").select_option("params.seed")
    page.get_by_label("Pair on").select_option("")

    expect(page.locator(".estimate:not(.estimate-axis)")).to_have_count(3)
    assert query(page)["by"] == "params.seed"
    page.reload()
    expect(page.get_by_label("Pair on")).to_have_value("")


def test_importance_tells_its_doubts(page: Page, demo: "Demo") -> None:
    """Six runs settle nothing: the warnings stand above the picture. The method is part of the address."""
    compared(page, demo, tab="importance", metric="loss", method="spearman")

    expect(page.locator(".warnings li").first).to_be_visible()
    expect(page.locator(".estimate:not(.estimate-axis)")).to_have_count(3)
    expect(page.get_by_label("Method")).to_have_value("spearman")


def test_a_scatter_of_any_two_columns_is_in_the_link(page: Page, demo: "Demo") -> None:
    """Choices survive a reload, and the table holds the numbers that the picture shows."""
    compared(page, demo, tab="scatter", metric="loss")
    page.get_by_label("Across").select_option("params.seed")
    page.get_by_label("Up").select_option("metrics.val/accuracy")
    page.reload()

    expect(page.get_by_label("Across")).to_have_value("params.seed")
    expect(page.get_by_label("Up")).to_have_value("metrics.val/accuracy")
    expect(page.locator(".list th")).to_have_text(["Run", "seed", "val/accuracy", "loss"])


def test_curves_can_be_grouped(page: Page, demo: "Demo") -> None:
    """The same panels as beside the table; the grouping is in the address."""
    compared(page, demo, tab="curves")
    page.get_by_label("Group by").select_option("params.optimizer")

    assert query(page)["curves_by"] == "params.optimizer"
    expect(page.locator(".compare-curves")).not_to_be_empty()


def test_hostile_names_stay_text(page: Page, demo: "Demo") -> None:
    """As runs, params, tags and metrics, in every part."""
    names = ["<img src=x onerror=alert(1)>", "\"><svg onload=alert(3)>'", "{{7*7}}${7*7}"]
    compared(page, demo, names)
    expect(page.locator(".compared-run")).to_contain_text(names)
    for title in ("Curves", "Parallel coordinates", "Importance", "Verdicts", "Scatter", "Differences"):
        tab(page, title).click()
        expect(tab(page, title)).to_have_attribute("aria-selected", "true")

    expect(part(page, "What differs").locator("tbody tr").first).to_be_visible()
    assert page.locator("img[src='x'], svg[onload]").count() == 0


def test_without_runs_the_page_says_how_to_choose_some(page: Page) -> None:
    """In words, with the way there."""
    page.goto("/compare")

    expect(page.locator(".state")).to_contain_text("No runs to compare")


@pytest.mark.parametrize("may_say", [["40[04]"]])
def test_a_link_with_a_run_that_is_gone_says_so(page: Page, demo: "Demo") -> None:
    """The server's words, not an empty page."""
    page.goto(f"/compare?runs={demo.ids['bert-1']},gone")

    expect(page.locator(".state-error")).to_contain_text("gone")


@pytest.mark.parametrize("width", [390, 900])
def test_no_part_is_wider_than_a_small_screen(page: Page, demo: "Demo", width: int) -> None:
    """Wide tables and pictures scroll in themselves, the page doesn't."""
    page.set_viewport_size({"width": width, "height": 800})
    compared(page, demo, metric="loss")
    for title in ("Parallel coordinates", "Verdicts", "Scatter", "Differences"):
        tab(page, title).click()
        expect(page.locator(".section .part").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, title
