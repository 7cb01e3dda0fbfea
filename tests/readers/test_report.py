"""The report: one file that says it all, loads nothing, and can be opened whatever the runs' names are."""

import base64
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ingest.errors import MetricNotFound
from readers.compare import ExperimentComparator
from readers.store import Store
from tracker import ExperimentTracker

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
SECTIONS = ["runs", "differences", "curves", "parallel", "importance", "verdicts"]


class Page(HTMLParser):
    """The tags, the texts and the pictures of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sections: list[str] = []
        self.pictures: list[bytes] = []
        self.loads: list[str] = []
        self.text = ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what the page holds and what it would load."""
        found = dict(attrs)
        self.tags.append(tag)
        if tag == "section":
            self.sections.append(str(found["id"]))
        for name in ("src", "href", "srcset", "action"):
            link = found.get(name) or ""
            if link.startswith("data:image/"):
                self.pictures.append(base64.b64decode(link.partition("base64,")[2]))
            elif link and not link.startswith("#"):
                self.loads.append(link)

    def handle_data(self, data: str) -> None:
        """Collect the text."""
        self.text += data + " "


def study(root: Path, runs: int = 12, name: str = "run", steps: int = 5) -> Store:
    """Runs with two params that matter differently, a curve, and a score."""
    tracker = ExperimentTracker(output_dir=str(root), experiment_name="study", auto_log=False)
    for number in range(runs):
        lr, optimizer = 0.1 * (number % 4 + 1), "adam" if number % 2 else "sgd"
        tracker.start_run(run_name=f"{name} {number}")
        tracker.log_params({"lr": lr, "optimizer": optimizer, "seed": number, "same": 1})
        for step in range(steps):
            tracker.log_metrics({"loss": 1 / (step + 1) + lr}, step=step)
        tracker.log_metrics({"accuracy": 0.5 + lr + 0.2 * (number % 2) + 0.001 * number})
        tracker.end_run()
    tracker.close()
    return Store(root)


def test_a_report_answers_all_questions_in_one_file(tmp_path: Path) -> None:
    """Best runs, differences, curves, params, importance, verdicts: each is there, and its pictures are in the file."""
    store = study(tmp_path / "store")

    written = ExperimentComparator(store).report(tmp_path / "made" / "out.html")
    page = Page(written)

    assert (written, page.sections) == (tmp_path / "made" / "out.html", SECTIONS)
    assert len(page.pictures) >= len(SECTIONS) - 1
    assert all(picture[:5] in (b"<?xml", b"\x89PNG\r") for picture in page.pictures)
    assert "run 11" in page.text
    assert re.search(r"optimizer\s+(adam \(6\), sgd|sgd \(6\), adam) \(6\)", page.text)


def test_a_report_loads_and_runs_nothing(tmp_path: Path) -> None:
    """No script, no link to anywhere, and a policy that forbids both, with names that would like to."""
    store = study(tmp_path / "store", name=HOSTILE)

    page = Page(ExperimentComparator(store).report(tmp_path / "out.html", title=HOSTILE))

    assert page.loads == []
    assert not {"script", "link", "iframe", "object", "form"} & set(page.tags)
    assert page.tags.count("img") == len(page.pictures)
    assert HOSTILE in page.text
    assert "default-src 'none'" in (tmp_path / "out.html").read_text("utf-8")


@pytest.mark.parametrize(("runs", "steps"), [(1, 0), (2, 1), (5, 3)])
def test_what_few_runs_cannot_tell_is_said_in_words(runs: int, steps: int, tmp_path: Path) -> None:
    """No question is left out, and none fails."""
    store = study(tmp_path / "store", runs=runs, steps=steps)

    page = Page(ExperimentComparator(store).report(tmp_path / "out.html"))

    assert page.sections == SECTIONS
    assert "too few to tell" in page.text


def test_a_report_of_runs_without_metrics_says_so(tmp_path: Path) -> None:
    """There is nothing to rank, but a file is written all the same."""
    tracker = ExperimentTracker(output_dir=str(tmp_path / "store"), experiment_name="empty", auto_log=False)
    tracker.start_run("bare")
    tracker.close()

    page = Page(ExperimentComparator(tmp_path / "store").report(tmp_path / "out.html"))

    assert page.sections == []
    assert "metrics none" in " ".join(page.text.split())


def test_a_report_refuses_what_it_cannot_write(tmp_path: Path) -> None:
    """Another suffix, a metric that nobody has: said before anything is written."""
    comparator = ExperimentComparator(study(tmp_path / "store", runs=2))

    with pytest.raises(ValueError, match=r"must end in \.html"):
        comparator.report(tmp_path / "out.pdf")
    with pytest.raises(MetricNotFound, match="accuracy"):
        comparator.report(tmp_path / "out.html", metric="acuracy")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_a_browser_shows_the_report_from_disk(tmp_path: Path) -> None:
    """Without a network, and every picture has a size."""
    path = ExperimentComparator(study(tmp_path / "store")).report(tmp_path / "out.html")
    assert BROWSER is not None
    switches = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

    done = subprocess.run(
        [BROWSER, *switches, f"--user-data-dir={tmp_path / 'profile'}", "--screenshot", path.as_uri()],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=19,
    )

    assert (tmp_path / "screenshot.png").stat().st_size > 20_000, done.stderr
