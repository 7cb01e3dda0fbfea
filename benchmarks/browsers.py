"""A real browser for benchmarks: Chromium without windows, driven by Playwright; what its processes use."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-sync",
    "--enable-precise-memory-info",
)

WATCH_FRAMES = """() => {
  window.longest = 0;
  let before = performance.now();
  const see = (now) => {
    window.longest = Math.max(window.longest, now - before);
    before = now;
    requestAnimationFrame(see);
  };
  requestAnimationFrame(see);
}"""
"""Keeps the longest frame's milliseconds in window.longest."""


class NoBrowser(RuntimeError):
    """There is no Chromium, or no Playwright, on this machine."""


@contextmanager
def browser() -> "Iterator[Browser]":
    """A browser. Raises: NoBrowser: saying what to install."""
    found = next((path for path in map(shutil.which, ("chromium", "google-chrome")) if path), None)
    if found is None:
        raise NoBrowser("no Chromium: Debian, Ubuntu: apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowser("no Playwright: pip install '.[test]'") from None
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, headless=True, args=_FLAGS)
        yield opened
        opened.close()


def renderer() -> psutil.Process:
    """The process that draws the page: of this program's renderers the one that has worked most."""
    below = psutil.Process(os.getpid()).children(recursive=True)
    drawing = [process for process in below if "--type=renderer" in " ".join(process.cmdline())]
    return max(drawing, key=cpu_s)


def cpu_s(process: psutil.Process) -> float:
    """Seconds of a core that a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


def resident_mb(process: psutil.Process) -> float:
    """Megabytes of resident memory."""
    return float(process.memory_info().rss) / 1e6
