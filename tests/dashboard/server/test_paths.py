"""Path traversal: addresses that have led out of the folders of other servers lead nowhere here."""

import os
from pathlib import Path

import pytest
from starlette.applications import Starlette

from readers.dashboard.pages import Page
from readers.dashboard.settings import DashboardSettings
from tests.dashboard.server.attacker import Server, serving

SECRET = b"root:"
CLIMBS = [
    "../../../../../../etc/passwd",
    "..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%252e%252e%252f%252e%252e%252f%252e%252e%252fetc%252fpasswd",
    "..%252f..%252f..%252f..%252fetc%252fpasswd",
    "..%c0%af..%c0%af..%c0%afetc/passwd",
    "%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd",
    "..\\..\\..\\etc\\passwd",
    "..%5c..%5c..%5cetc%5cpasswd",
    "....//....//....//etc/passwd",
    "..;/..;/..;/etc/passwd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "C:/Windows/win.ini",
    "file:///etc/passwd",
    "file:/etc/passwd",
    "%00../../etc/passwd",
    "index.html%00.js",
    "..",
    ".",
    "./index.html",
    "",
    "%",
    "%zz",
    "~root",
    "/proc/self/environ",
    "../store.json",
    "..%2fstore.json",
]
# As they were sent to MLflow: CVE-2023-6909 (a fragment in the source), -6977 (a model version's source), CVE-2023-3765
# (a drive), CVE-2024-2928 (a fragment again), -3848 (a semicolon before the fragment).
REPLAYED = [
    "/model-versions/get-artifact?path=etc/passwd&name=x&version=1",
    "/get-artifact?path=../../../../etc/passwd&run_uuid=run-1",
    "/get-artifact?path=%2e%2e%2f%2e%2e%2fetc%2fpasswd&run_id=run-1",
    "/ajax-api/2.0/mlflow/artifacts/list?run_id=run-1&path=..%2f..%2f..%2fetc",
    "/api/2.0/mlflow-artifacts/artifacts/..%2f..%2f..%2fetc%2fpasswd",
    "/api/2.0/mlflow-artifacts/artifacts/C:/Windows/win.ini",
    "/api/2.0/mlflow-artifacts/artifacts/%2fetc%2fpasswd",
    "/api/2.0/mlflow-artifacts/artifacts?path=C:%5C",
    "/api/runs/run-1/artifacts/0?path=../../../../etc/passwd",
    "/api/runs/run-1/artifacts/0#/../../../../etc/passwd",
    "/api/runs/run-1/artifacts/0%23/../../../../etc/passwd",
    "/api/runs/run-1/artifacts/0?/../../../../etc/passwd",
    "/api/runs/run-1/artifacts/0%3f/..%2f..%2fetc%2fpasswd",
    "/api/runs/run-1/artifacts/0;#/../../../../etc/passwd",
    "/api/runs/run-1/artifacts/0;%23/..%2f..%2f..%2fetc%2fpasswd",
]


@pytest.mark.parametrize("climb", CLIMBS)
@pytest.mark.parametrize(
    "base",
    [
        "/",
        "/assets/",
        "/static/",
        "/run/",
        "/api/",
        "/api/runs/",
        "/api/runs/run-1/artifacts/",
        "/api/runs/run-1/artifacts/0/",
    ],
)
def test_no_address_leads_out(server: Server, base: str, climb: str) -> None:
    """Whichever way it is written, and whether it stands for a file, a run or an artifact."""
    reply = server.ask(target=base + climb)

    assert SECRET not in reply.body
    assert b"format_version" not in reply.body
    assert reply.status < 500 or reply.status == 503  # 503: the page isn't built here


@pytest.mark.parametrize("target", REPLAYED)
def test_addresses_that_led_out_of_another_tracker_lead_nowhere(server: Server, target: str) -> None:
    """As they were published; each by GET and by POST."""
    got, posted = server.ask(target=target), server.change(target, {"path": "../../../../etc/passwd"})

    assert SECRET not in got.body + posted.body
    assert posted.status in {404, 405, 400}
    if got.status == 200:  # a query or a fragment was taken off: it is the artifact itself
        assert target.startswith("/api/runs/run-1/artifacts/0")
        assert b"fetch('/api/session')" in got.body


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A built page with things in its folder that don't belong there."""
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (static / "index.html").write_text("<!doctype html>page")
    (static / "assets" / "index-1a2b.js").write_text("script")
    (static / "link.txt").symlink_to(tmp_path / "secret.txt")
    (static / "assets" / "link.js").symlink_to("/etc/passwd")
    (static / "folder").symlink_to(tmp_path)
    os.mkfifo(static / "pipe")
    return static


@pytest.mark.parametrize(
    "name", ["link.txt", "assets/link.js", "folder/secret.txt", "pipe", "assets", "", "../secret.txt"]
)
def test_links_and_pipes_in_the_pages_folder_are_no_files(folder: Path, name: str) -> None:
    """Nor are the folders."""
    assert Page(folder).file(name) is None


def test_a_person_at_no_address_is_shown_the_way(server: Server) -> None:
    """In words and with a link, of which nothing comes from the address; a program gets JSON."""
    reply = server.ask(target="/%3Cscript%3E", accept="text/html,*/*;q=0.8")

    assert (reply.status, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert b'<a href="/">' in reply.body
    assert b"script" not in reply.body
    assert server.ask(target="/nowhere").json["error"] == "There is nothing at this address."


def test_the_pages_files_are_found(folder: Path) -> None:
    """With their types; those named by their content may be kept for ever, the document is asked for each time."""
    page = Page(folder)
    script, document = page.file("assets/index-1a2b.js"), page.file("index.html")

    assert script is not None
    assert document is not None
    assert (script.media_type, script.cache) == ("text/javascript", "public, max-age=31536000, immutable")
    assert (document.media_type, document.cache) == ("text/html", "no-cache")


def test_a_page_that_is_built_meanwhile_is_seen(folder: Path) -> None:
    """The server need not be started anew."""
    page = Page(folder)
    before = page.file("index.html")
    aside = folder / "aside"
    aside.write_text("<!doctype html>another")
    aside.rename(folder / "index.html")
    after = page.file("index.html")

    assert before is not None
    assert after is not None
    assert (before.content, after.content) == (b"<!doctype html>page", b"<!doctype html>another")


def test_a_browser_asks_again_only_for_what_may_have_changed(folder: Path, store: Path) -> None:
    """What is named by its content is kept; the document is asked for with its mark, and sent again when it differs."""
    app = Starlette(routes=Page(folder).routes())
    with serving(DashboardSettings(store, port=0), app=app) as running:
        first = running.ask(target="/run/any")
        mark = first.headers["etag"]
        known = running.ask(target="/", if_none_match=f'"other", {mark}')
        other = running.ask(target="/", if_none_match='"other"')
        script = running.ask(target="/assets/index-1a2b.js")

    assert (first.status, first.body) == (200, b"<!doctype html>page")
    assert (known.status, known.body, known.headers["etag"]) == (304, b"", mark)
    assert (other.status, other.body) == (200, first.body)
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_page_that_was_never_built_says_how(tmp_path: Path, store: Path) -> None:
    """In plain words, without a script."""
    app = Starlette(routes=Page(tmp_path).routes())
    with serving(DashboardSettings(store, port=0), app=app) as running:
        reply = running.ask(target="/compare")

    assert reply.status == 503
    assert b"python readers/dashboard/web/page.py" in reply.body
    assert b"<script" not in reply.body
