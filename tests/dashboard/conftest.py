"""A store with runs of every kind, a real server over it in a process of its own, and a real browser.

The browser is the Chromium that is installed; a page fails its test when it says an error, throws one, or asks any
other machine for anything. The browser lives as long as a test module: Playwright's loop stays marked as running
between calls, which would stop other modules from running loops of their own.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, sync_playwright

from readers.dashboard.process import DashboardProcess
from readers.dashboard.settings import DashboardSettings
from tracker import ExperimentTracker

ROOT = Path(__file__).parents[2]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LIMIT_MS = 5_000
ANSWERS = (r"status of 404 .*/api/series",)
"""What a browser calls an error, and the page expects: a chart that asks for a metric which new runs don't have yet."""
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(2)</script>",
    "\"><svg onload=alert(3)>'",
    "{{7*7}}${7*7}",
    "javascript:alert(4)",
)
"""What a run, a param, a tag or an artifact may be called; text, all of it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The limit of time is a test's own: the first one in a browser waits for store, server and browser, too."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(func_only=True))


class Demo(NamedTuple):
    """The store of the tests: read it, write nothing into it."""

    path: Path
    ids: dict[str, str]
    """Run ids by run name."""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Six runs of vision/resnet (2 optimizers x 3 seeds), two of text (one failed), five with hostile names."""
    folder = tmp_path_factory.mktemp("dashboard") / "demo"
    ids = {}
    with ExperimentTracker(folder, "vision/resnet", auto_log=False) as tracker:
        for number in range(6):
            optimizer, seed = ("adam", "sgd")[number % 2], number // 2
            name = f"resnet-{optimizer}-{seed}"
            params = {"optimizer": optimizer, "seed": seed, "lr": 0.1 / (number + 1), "amp": True}
            ids[name] = tracker.start_run(name, params=params, tags={"team": "red" if seed else "blue"})
            for step in range(20):
                loss = 1.0 / (step + 1) + 0.1 * number
                tracker.log_metrics({"loss": loss, "val/accuracy": 0.9 - 0.1 * number}, step=step)
            tracker.log_text(f"notes of {name}", "notes.txt")
            tracker.end_run()
    with ExperimentTracker(folder, "text", auto_log=False) as tracker:
        for name, status in (("bert-1", "FINISHED"), ("bert-2", "FAILED")):
            ids[name] = tracker.start_run(name, params={"optimizer": "adamw", "lr": 2e-5}, tags={"team": "green"})
            tracker.log_metrics({"loss": 3.0, "perplexity": float("nan")})
            tracker.end_run(status)
    with ExperimentTracker(folder, "hostile", auto_log=False) as tracker:
        for name in HOSTILE:
            ids[name] = tracker.start_run(name, params={name: name}, tags={name: name, "team": name})
            tracker.log_metrics({name: 1.0, "loss": 9.0})
            tracker.log_text(name, "page.html")
            tracker.end_run()
    return Demo(folder, {name: str(run_id) for name, run_id in ids.items()})


@pytest.fixture(scope="session")
def page_is_built() -> None:
    """The page as of the sources beside it; built here where they changed since."""
    command = [sys.executable, str(ROOT / "readers/dashboard/web/page.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(done.stderr)


@pytest.fixture(scope="session")
def server(demo: Demo, page_is_built: None) -> Iterator[str]:
    """The address of a server over `demo`."""
    started = DashboardProcess.start(DashboardSettings(str(demo.path), port=0))
    yield started.address.rstrip("/")
    started.stop()


@pytest.fixture
def serve(page_is_built: None) -> Iterator[Callable[..., str]]:
    """Starts servers over other stores: `serve(folder, read_only=True)` is an address. They end with the test."""
    with ExitStack() as stack:

        def start(folder: Path, *, read_only: bool = False) -> str:
            started = DashboardProcess.start(DashboardSettings(str(folder), port=0, read_only=read_only))
            stack.callback(started.stop)
            return started.address.rstrip("/")

        yield start


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program."""
    found = next((p for p in ("/usr/bin/chromium", shutil.which("chromium"), shutil.which("google-chrome")) if p), None)
    if found is None or not os.access(found, os.X_OK):
        pytest.skip("no Chromium on this machine (Debian, Ubuntu: apt-get install chromium)")
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A browser without windows."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def may_say() -> list[str]:
    """Patterns of console errors that the test expects, as that of an answer 400."""
    return []


@pytest.fixture
def page(browser: Browser, server: str, serve: Callable[..., str], may_say: list[str]) -> Iterator[Page]:
    """A page of 1440 x 900 with nothing open; addresses may begin with /. Errors and foreign requests fail the test.

    It depends on `serve` so that it is closed before the servers that it shows.
    """
    context = browser.new_context(base_url=server, viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(LIMIT_MS)
    wrong: list[str] = []
    watch(page, wrong)
    yield page
    context.close()

    assert [line for line in wrong if not any(re.search(pattern, line) for pattern in [*ANSWERS, *may_say])] == []


def watch(page: Page, wrong: list[str]) -> None:
    """Note down what must not happen on a page."""

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            wrong.append(f"console: {message.text} ({message.location.get('url', '')})")

    def on_address(address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in {"blob", "data", "about"} and parts.hostname not in {"127.0.0.1", "localhost"}:
            wrong.append(f"request off the machine: {address}")

    def on_dialog(dialog: Dialog) -> None:
        wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("console", on_console)
    page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
    page.on("request", lambda request: on_address(request.url))
    page.on("websocket", lambda socket: on_address(socket.url))
    page.on("dialog", on_dialog)
