"""A real browser on a hostile page: what the page tries against the dashboard fails, as it fails by hand."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.dashboard.conftest import FLAGS
from tests.dashboard.server.attacker import Server
from tests.dashboard.server.conftest import TOKEN

TRIES = """
async (dashboard) => {
  const found = {};
  const attempt = async (name, what) => {
    try { found[name] = await what(); } catch (error) { found[name] = "refused"; }
  };
  const loaded = (tag, address) => new Promise((done) => {
    const node = document.createElement(tag);
    node.onload = () => done("loaded");
    node.onerror = () => done("refused");
    node.src = dashboard + address;
    document.body.append(node);
  });
  const post = (address, type, body) => fetch(dashboard + address, {
    method: "POST", mode: type ? "cors" : "no-cors", headers: type ? {"Content-Type": type} : {}, body,
  }).then(() => "answered");
  await attempt("read", async () => (await fetch(dashboard + "/api/session", {credentials: "include"})).text());
  await attempt("read blindly", async () => (await fetch(dashboard + "/api/session", {mode: "no-cors"})).type);
  await attempt("read an artifact", async () => (await fetch(dashboard + "/api/runs/run-1/artifacts/0")).text());
  await attempt("post JSON", () => post("/api/runs/run-1/note", "application/json", '{"text": "mine"}'));
  await attempt("post text", () => post("/api/runs/run-1/note", "", '{"text": "mine"}'));
  await attempt("script", () => loaded("script", "/api/session"));
  await attempt("picture", () => loaded("img", "/api/runs/run-1/artifacts/1"));
  await attempt("live", () => new Promise((done, failed) => {
    const live = new WebSocket(dashboard.replace("http", "ws") + "/api/live");
    live.onopen = () => done("opened");
    live.onerror = failed;
  }));
  return found;
}
"""


class Evil(BaseHTTPRequestHandler):
    """A site of somebody else's."""

    def do_GET(self) -> None:
        """One page for every address."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>evil</title><body>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture(scope="module")
def evil() -> Iterator[int]:
    """The port of another site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Evil) as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield site.server_address[1]
        site.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A browser for which a stranger's name already points to this machine."""
    flags = [*FLAGS, "--host-resolver-rules=MAP *.example 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page with nothing open."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "evil.example"])
def test_a_hostile_page_gets_and_changes_nothing(page: Page, server: Server, evil: int, host: str) -> None:
    """On another port of this machine (the same site, to a browser), and on another site."""
    page.goto(f"http://{host}:{evil}/")
    found = page.evaluate(TRIES, server.url)

    assert found == dict.fromkeys(found, "refused")
    assert len(found) == 8
    assert server.ask(target="/api/runs/run-1").json["note"] is None


def test_a_hostile_form_changes_nothing(page: Page, server: Server, evil: int) -> None:
    """A form needs no script's permission; it opens the answer, which is a refusal."""
    page.goto(f"http://evil.example:{evil}/")
    page.evaluate(
        """(address) => {
          const form = document.createElement("form");
          Object.assign(form, {method: "post", enctype: "text/plain", action: address});
          const field = document.createElement("input");
          Object.assign(field, {name: '{"text": "mine", "a": "', value: '"}'});
          form.append(field);
          document.body.append(form);
        }""",
        f"{server.url}/api/runs/run-1/note",
    )
    with page.expect_navigation() as navigation:
        page.evaluate("document.forms[0].submit()")

    assert navigation.value is not None
    assert navigation.value.status == 403
    assert server.ask(target="/api/runs/run-1").json["note"] is None


@pytest.mark.parametrize("address", ["/", "/run/run-1", "/api/runs/run-1/artifacts/0"])
def test_a_hostile_page_frames_nothing(page: Page, server: Server, evil: int, address: str) -> None:
    """No click is stolen from a page that can't be shown inside another."""
    page.goto(f"http://evil.example:{evil}/")
    with page.expect_event("framenavigated", lambda frame: frame.parent_frame is not None):
        page.evaluate(
            "(to) => document.body.append(Object.assign(document.createElement('iframe'), {src: to}))",
            server.url + address,
        )
    shown = page.frames[1].evaluate("document.documentElement.outerHTML")

    assert page.frames[1].url.startswith("chrome-error://") or "another site" in shown
    assert 'id="app"' not in shown


@pytest.mark.parametrize("address", ["/", "/api/session", "/api/runs"])
def test_a_rebound_name_shows_nothing(page: Page, server: Server, address: str) -> None:
    """The browser takes the stranger's name for this machine, and asks; it is told no."""
    answer = page.goto(f"http://rebound.example:{server.port}{address}")

    assert answer is not None
    assert answer.status == 421
    assert server.token not in answer.text()


def test_a_link_from_elsewhere_opens_the_page_where_no_token_is_asked(page: Page, server: Server, evil: int) -> None:
    """So that a link can be shared."""
    page.goto(f"http://evil.example:{evil}/")
    with page.expect_navigation() as navigation:
        page.evaluate("(to) => { location.href = to; }", f"{server.url}/run/run-1")

    assert navigation.value is not None
    assert navigation.value.status in {200, 503}


def test_the_token_is_given_once_and_then_remembered(page: Page, guarded: Server) -> None:
    """It is gone from the address, no script can read it, and the page's data comes."""
    refused = page.goto(f"{guarded.url}/")
    page.goto(f"{guarded.url}/alerts?token={TOKEN}")
    answer = page.evaluate("fetch('/api/session').then((answer) => answer.json())")

    assert refused is not None
    assert refused.status == 401
    assert page.url == f"{guarded.url}/alerts"
    assert answer["token"] == guarded.token
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("fetch('/api/store').then((answer) => answer.status)") == 200


def test_the_token_works_from_a_link_of_another_site(page: Page, guarded: Server, evil: int) -> None:
    """As from a chat in the browser: the cookie is strict, and is used all the same."""
    page.goto(f"http://evil.example:{evil}/")
    page.evaluate("(to) => { location.href = to; }", f"{guarded.url}/alerts?token={TOKEN}&x=1")
    page.wait_for_url(f"{guarded.url}/alerts?x=1")

    assert page.evaluate("fetch('/api/store').then((answer) => answer.status)") == 200


def test_another_sites_page_does_not_use_the_visitors_cookie(page: Page, guarded: Server, evil: int) -> None:
    """Neither for reading nor for a live connection."""
    page.goto(f"{guarded.url}/?token={TOKEN}")
    page.goto(f"http://evil.example:{evil}/")

    assert set(page.evaluate(TRIES, guarded.url).values()) == {"refused"}
