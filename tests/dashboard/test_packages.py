"""What is handed out has the dashboard's page in it, and whoever installs it needs no Node."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def built(root: Path, into: Path, *target: str, **environment: str) -> Path:
    """The one package that hatchling makes of a tree."""
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", *target, "-d", str(into)]
    done = subprocess.run(
        command, cwd=root, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (package,) = into.iterdir()
    return package


def test_the_sdist_and_a_wheel_made_of_it_without_node_carry_the_page(tmp_path: Path) -> None:
    """The sdist has sources and page; a wheel of it is built with an empty PATH and has the page only."""
    sdist = built(ROOT, tmp_path / "sdist", "-t", "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
        sources = {name.partition("/")[2] for name in archive.getnames()}
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    wheel = built(unpacked, tmp_path / "wheel", "-t", "wheel", PATH=str(tmp_path))
    names = set(zipfile.ZipFile(wheel).namelist())
    page = {name for name in names if name.startswith("readers/dashboard/static/")}

    assert {"readers/dashboard/web/package-lock.json", "readers/dashboard/web/src/main.ts"} <= sources
    assert not any("node_modules" in name for name in sources | names)
    assert not any(name.startswith("readers/dashboard/web/") for name in names)
    assert {Path(name).suffix for name in page} == {".html", ".js", ".css", ".svg", ".sha256"}
    assert page <= sources


def test_a_wheel_without_a_page_is_no_wheel(tmp_path: Path) -> None:
    """Where the page can't be built the build fails, and says why."""
    pytest.importorskip("hatchling")
    sdist = built(ROOT, tmp_path / "sdist", "-t", "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.glob("steplog-*")
    (unpacked / "readers/dashboard/static/sources.sha256").write_text("of other sources")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "wheel")]
    done = subprocess.run(
        command, cwd=unpacked, env={**os.environ, "PATH": "/nowhere"}, capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert "the dashboard's page was not built: it needs Node" in done.stdout + done.stderr
