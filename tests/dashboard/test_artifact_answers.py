"""Artifacts as a browser gets them: whole or in ranges, never run, never from anywhere else."""

import os
from pathlib import Path

import httpx
import pytest

from ingest.events import ArtifactLogged
from readers.dashboard.artifacts import content_type, disposition
from tests.dashboard.asking import Site, refusal
from tests.readers.conftest import Recorder
from tracker import ExperimentTracker

ACTIVE = [
    "page.html",
    "p.htm",
    "drawing.svg",
    "feed.xml",
    "paper.pdf",
    "code.js",
    "m.mjs",
    "a.wasm",
    "x.xhtml",
    "y.swf",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store with a run "r1" and its artifacts, in this order: a.txt, b/c.bin, and the active kinds."""
    folder = tmp_path / "store"
    with ExperimentTracker(folder, "e", auto_log=False) as tracker:
        tracker.start_run("one", run_id="r1")
        tracker.log_text("hello\n", "a.txt")
        tracker.log_artifact_data(bytes(range(256)) * 4096, "b/c.bin")
        for name in ACTIVE:
            (tmp_path / name).write_text("<script>alert(1)</script>")
            tracker.log_artifact(tmp_path / name)
        tracker.log_text("hello again\n", "a.txt")
    return folder


@pytest.fixture
def site(root: Path) -> Site:
    """The read API over it."""
    return Site(root)


def artifact(site: Site, index: int, **headers: str) -> httpx.Response:
    """The answer to a request for an artifact of r1."""
    return site.get(f"/api/runs/r1/artifacts/{index}", headers=headers)


def test_the_index_is_the_order_of_first_logging(site: Site) -> None:
    """A name logged again keeps its place, and has its last bytes."""
    listed = site.told("/api/runs/r1")["artifacts"]

    assert [each["path"] for each in listed] == ["a.txt", "b/c.bin", *ACTIVE]
    assert [each["index"] for each in listed] == list(range(12))
    assert artifact(site, 0).text == "hello again\n"
    assert (listed[0]["size"], listed[0]["previewable"]) == (12, True)


def test_no_artifact_is_run_by_a_browser(site: Site) -> None:
    """A fixed type, no guessing, a sandbox without scripts; what could act is for saving."""
    text = artifact(site, 0)
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.headers["content-disposition"].startswith("inline; ")
    for index, name in enumerate(ACTIVE, 2):
        answer = artifact(site, index)
        assert answer.headers["content-disposition"].startswith("attachment; "), name
        assert answer.headers["content-type"] in {"application/octet-stream", "image/svg+xml"}
    for index in range(12):
        headers = artifact(site, index).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("sandbox; default-src 'none';")
        assert headers["cross-origin-resource-policy"] == "same-origin"
    saved = site.get("/api/runs/r1/artifacts/0", download="1")
    assert saved.headers["content-disposition"].startswith("attachment; ")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("x.PNG", "image/png"),
        ("x.html.txt", "text/plain; charset=utf-8"),
        ("x.txt.html", "application/octet-stream"),
        ("x", "application/octet-stream"),
        (".svg", "application/octet-stream"),
        ("x.md", "text/plain; charset=utf-8"),
    ],
)
def test_the_type_comes_of_the_last_ending(name: str, kind: str) -> None:
    """And of nothing that the run's own events say."""
    assert content_type(name)[0] == kind


def test_ranges_are_answered_as_browsers_ask_for_them(site: Site) -> None:
    """First bytes, a middle, the last ones, from somewhere on; several at once get the whole."""
    whole = artifact(site, 1)
    size = 256 * 4096
    assert (whole.status_code, len(whole.content), whole.headers["accept-ranges"]) == (200, size, "bytes")
    for asked, begin, end in (
        ("bytes=0-9", 0, 10),
        ("bytes=255-256", 255, 257),
        (f"bytes={size - 3}-", size - 3, size),
        ("bytes=-5", size - 5, size),
        (f"bytes=10-{size * 9}", 10, size),
        (f"bytes=-{size * 9}", 0, size),
    ):
        answer = artifact(site, 1, Range=asked)
        assert (answer.status_code, answer.content) == (206, whole.content[begin:end]), asked
        assert answer.headers["content-range"] == f"bytes {begin}-{end - 1}/{size}"
    for odd in ("bytes=0-1,5-6", "bytes=5-2", "lines=1-2", "bytes=-", "bytes=x-", "bytes=" + "9" * 200 + "-"):
        assert artifact(site, 1, Range=odd).status_code == 200, odd
    for beyond in (f"bytes={size}-", "bytes=-0", f"bytes={10**30}-"):
        answer = artifact(site, 1, Range=beyond)
        assert (answer.status_code, answer.headers["content-range"], answer.content) == (416, f"bytes */{size}", b"")


def test_a_copy_is_confirmed_and_a_range_of_another_file_is_not_mixed_in(site: Site) -> None:
    """The tag of the file as it lies there: If-None-Match gives 304, a stale If-Range the whole."""
    tag = artifact(site, 1).headers["etag"]

    assert artifact(site, 1, **{"If-None-Match": tag}).status_code == 304
    assert artifact(site, 1, **{"Range": "bytes=0-1", "If-Range": tag}).status_code == 206
    assert artifact(site, 1, **{"Range": "bytes=0-1", "If-Range": '"other"'}).status_code == 200
    head = site.send("HEAD", "/api/runs/r1/artifacts/1")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(256 * 4096), b"")


def test_a_name_cannot_break_out_of_its_header() -> None:
    """Quotes, line ends and everything beyond ASCII are in the encoded form only."""
    told = disposition('a/é"\r\nSet-Cookie: x;.txt', show=True)

    assert "\r" not in told
    assert "\n" not in told
    assert told.startswith('inline; filename="____Set-Cookie_ x_.txt"; ')
    assert told.endswith("filename*=UTF-8''%C3%A9%22%0D%0ASet-Cookie%3A%20x%3B.txt")


@pytest.mark.parametrize(
    "path",
    ["../r2/secret.txt", "/etc/passwd", "a/../../../store.json", "..", "", ".", "a//b", "a\\..\\b", "C:/x", "x\0y"],
)
def test_a_poisoned_path_leads_nowhere(path: str, tmp_path: Path) -> None:
    """An event of somebody else's making names a file outside the run's folder: it isn't opened."""
    recorder = poisoned(tmp_path, path, "r1")
    (recorder.layout.root / "artifacts/r2").mkdir(parents=True)
    (recorder.layout.root / "artifacts/r2/secret.txt").write_text("secret")

    for address in ("/api/runs/r1/artifacts/0", "/api/runs/r1/artifacts/0/preview"):
        status, words = refusal(Site(recorder.layout.root).get(address))
        assert (status, "can't be opened" in words) == (404, True)
    recorder.close()


def test_links_are_not_followed(tmp_path: Path) -> None:
    """Neither as the file, nor as a folder on the way, nor as the run's folder, nor out of the store's own."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.txt").write_text("secret")
    recorder = poisoned(tmp_path, "sub/a.txt", "r1")
    artifacts = recorder.layout.artifacts
    site = Site(recorder.layout.root)

    artifacts.mkdir()
    (artifacts / "r1").symlink_to(tmp_path / "outside")
    assert site.get("/api/runs/r1/artifacts/0").status_code == 404
    (artifacts / "r1").unlink()
    (artifacts / "r1").mkdir()
    (artifacts / "r1/sub").symlink_to(tmp_path / "outside")
    assert site.get("/api/runs/r1/artifacts/0").status_code == 404
    (artifacts / "r1/sub").unlink()
    (artifacts / "r1/sub").mkdir()
    (artifacts / "r1/sub/a.txt").symlink_to(tmp_path / "outside/a.txt")
    assert site.get("/api/runs/r1/artifacts/0").status_code == 404
    (artifacts / "r1/sub/a.txt").unlink()
    os.mkfifo(artifacts / "r1/sub/a.txt")
    assert site.get("/api/runs/r1/artifacts/0").status_code == 404
    (artifacts / "r1/sub/a.txt").unlink()
    (artifacts / "r1/sub/a.txt").write_text("mine")
    assert site.get("/api/runs/r1/artifacts/0").text == "mine"
    recorder.close()


@pytest.mark.parametrize("run", ["..", "../outside", ".", "a/b"])
def test_a_poisoned_run_id_leads_nowhere(run: str, tmp_path: Path) -> None:
    """Ids of somebody else's making are no folders."""
    recorder = poisoned(tmp_path, "store.json", run)

    for address in (f"/api/runs/{run}/artifacts/0", f"/api/runs/{run.replace('/', '%2F')}/artifacts/0"):
        assert Site(recorder.layout.root).get(address).status_code == 404
    recorder.close()


@pytest.mark.parametrize(
    "address",
    [
        "/api/runs/r1/artifacts/../../../../etc/passwd",
        "/api/runs/r1/artifacts/%2e%2e%2f%2e%2e%2fstore.json",
        "/api/runs/r1/artifacts/..%252f..%252fstore.json",
        "/api/runs/r1/artifacts/0/../../../store.json",
        "/api/runs/r1/artifacts/-1",
        "/api/runs/r1/artifacts/12",
        "/api/runs/r1/artifacts/999999999999999999999",
        "/api/runs/r1/artifacts/a.txt",
        "/api/runs/..%2f..%2fr1/artifacts/0",
        "/api/runs/r2/artifacts/0",
    ],
)
def test_no_text_of_an_address_is_a_path(address: str, site: Site) -> None:
    """The ways out of the artifact folders of other trackers' servers lead nowhere here."""
    answer = site.send("GET", address)

    assert answer.status_code == 404
    assert b"root:" not in answer.content
    assert b"format_version" not in answer.content


def test_a_file_that_is_gone_is_said(site: Site, root: Path) -> None:
    """Without telling where it lay."""
    (root / "artifacts/r1/a.txt").unlink()

    status, words = refusal(artifact(site, 0))

    assert (status, "moved or deleted" in words, str(root) in words) == (404, True, False)


def poisoned(tmp_path: Path, path: str, run: str) -> Recorder:
    """A store in which a run's event names a path that the tracker would refuse."""
    recorder = Recorder(tmp_path / "store")
    recorder.start(run)
    recorder.pipeline.append(ArtifactLogged(run, "e", recorder.tick(), path, 1, "0" * 64, "text/html", "file"))
    recorder.flush()
    return recorder
