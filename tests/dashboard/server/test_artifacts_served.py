"""Artifacts are a stranger's files: no browser runs them, and no address leads to another file."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from readers.dashboard.settings import DashboardSettings
from tests.dashboard.server.attacker import Reply, Server, serving
from tests.dashboard.server.conftest import HTML, SVG

NAMES = ["page.html", "picture.svg", "note.txt", 'odd "name"; filename=x.exe.txt']


@pytest.fixture
def own(store: Path, tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """A server over a copy of the store, and the folder of the run's artifacts: both may be spoilt."""
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    with serving(DashboardSettings(copy, port=0)) as running:
        yield running, copy / "artifacts" / "run-1"


def artifact(server: Server, name: str, query: str = "", **headers: str | None) -> Reply:
    """An artifact's bytes, found as the page finds them."""
    listed = {one["path"]: one["index"] for one in server.ask(target="/api/runs/run-1").json["artifacts"]}
    return server.ask("GET", f"/api/runs/run-1/artifacts/{listed[name]}{query}", b"", **headers)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("query", ["", "?download=1"])
def test_each_comes_in_a_sandbox(server: Server, name: str, query: str) -> None:
    """Without scripts, without a network, with a type that isn't guessed, for this origin only."""
    reply = artifact(server, name, query)
    policy = reply.headers["content-security-policy"]

    assert reply.status == 200
    assert policy.startswith("sandbox;")
    assert "allow-" not in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(("name", "content"), [("page.html", HTML), ("picture.svg", SVG)])
def test_what_could_run_is_only_saved(server: Server, name: str, content: str) -> None:
    """It arrives whole, as a file, and never as a page."""
    reply = artifact(server, name)

    assert reply.body.decode() == content
    assert reply.headers["content-disposition"].startswith("attachment")
    assert not reply.headers["content-type"].startswith(("text/html", "application/xhtml", "text/xml"))


def test_text_is_shown_as_text(server: Server) -> None:
    """Whatever stands in it."""
    assert artifact(server, "note.txt").headers["content-type"] == "text/plain; charset=utf-8"


def test_a_name_cannot_write_headers(server: Server) -> None:
    """Quotes, semicolons and line ends in it stay a name."""
    reply = artifact(server, NAMES[-1], "?download=1")

    assert "set-cookie" not in reply.headers
    assert reply.headers["content-disposition"].count('"') in {0, 2}
    assert "filename=x.exe" not in reply.headers["content-disposition"].replace('"', " ").split("filename*")[0].split(
        ";"
    )


def test_another_site_embeds_none(server: Server) -> None:
    """Neither as a picture nor as a script."""
    for destination in ("image", "script", "iframe", "document"):
        assert artifact(server, "note.txt", sec_fetch_site="cross-site", sec_fetch_dest=destination).status == 403


@pytest.mark.parametrize(
    "index",
    [
        "-1",
        "1000",
        "99999999999999999999",
        "1.5",
        "0x0",
        "0%00",
        "note.txt",
        "..",
        "%2e%2e",
        " 0",
        "\N{ARABIC-INDIC DIGIT ZERO}",
    ],
)
def test_only_the_numbers_that_there_are_lead_to_one(server: Server, index: str) -> None:
    """An artifact is asked for by its number; a name leads nowhere."""
    head = f"GET /api/runs/run-1/artifacts/{index} HTTP/1.1\r\nHost: {server.authority}\r\nConnection: close\r\n\r\n"
    reply = server.raw(head.encode())

    assert reply.status in {400, 404}


@pytest.mark.parametrize("run", ["run-2", "..", "%2e%2e", "run-1%2f..%2f..", "run-1%00", "*", "artifacts", "run-1%20"])
def test_only_the_runs_that_there_are_have_any(server: Server, run: str) -> None:
    """A run's id is looked up, and made no path."""
    assert server.ask(target=f"/api/runs/{run}/artifacts/0").status in {400, 404}


@pytest.mark.parametrize("kind", ["file", "folder above", "run's folder", "chain"])
def test_links_are_not_followed(own: tuple[Server, Path], tmp_path: Path, kind: str) -> None:
    """Neither the file itself nor a folder on the way may be one, wherever it points."""
    server, folder = own
    secret = tmp_path / "secret"
    (secret / "run-1").mkdir(parents=True)
    (secret / "page.html").write_text("secret")
    (secret / "run-1" / "page.html").write_text("secret")
    if kind == "file":
        (folder / "page.html").unlink()
        (folder / "page.html").symlink_to(secret / "page.html")
    elif kind == "chain":
        (folder / "page.html").unlink()
        (folder / "page.html").symlink_to("note.txt")
    elif kind == "run's folder":
        shutil.rmtree(folder)
        folder.symlink_to(secret)
    else:
        shutil.rmtree(folder.parent)
        folder.parent.symlink_to(secret)

    for suffix in ("", "/preview"):
        index = next(
            one["index"] for one in server.ask(target="/api/runs/run-1").json["artifacts"] if one["path"] == "page.html"
        )
        reply = server.ask(target=f"/api/runs/run-1/artifacts/{index}{suffix}")
        assert b"secret" not in reply.body
        assert reply.status == 404 or (suffix and reply.status == 200)


def test_pipes_and_folders_are_no_artifacts(own: tuple[Server, Path]) -> None:
    """And nobody waits for a pipe's other side."""
    server, folder = own
    (folder / "page.html").unlink()
    os.mkfifo(folder / "page.html")
    (folder / "picture.svg").unlink()
    (folder / "picture.svg").mkdir()

    assert artifact(server, "page.html").status == 404
    assert artifact(server, "picture.svg").status == 404


def test_hostile_names_come_as_data(server: Server) -> None:
    """What a run is called reaches the page as JSON, whose type no browser takes for a page."""
    reply = server.ask(target="/api/runs/run-1")

    assert reply.headers["content-type"].startswith("application/json")
    assert json.loads(reply.body)["run"]["run_name"] == "<b>first</b>"
