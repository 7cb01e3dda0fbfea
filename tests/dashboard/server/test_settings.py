"""What a dashboard can be started with."""

from pathlib import Path

import pytest

from ingest.errors import DashboardError
from readers.dashboard.binding import address, bind
from readers.dashboard.settings import DashboardSettings


@pytest.mark.parametrize(
    ("port", "error"),
    [
        (-1, ValueError),
        (65536, ValueError),
        ("8080", TypeError),
        (8.0, TypeError),
        (True, TypeError),
        (None, TypeError),
    ],
)
def test_a_port_is_a_whole_number_from_0_to_65535(port: object, error: type[Exception]) -> None:
    """Text isn't taken for one here; commands turn theirs into numbers."""
    with pytest.raises(error, match="port must be"):
        DashboardSettings(".", port=port)  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["", "http://localhost", "a\nb", "a/b"])
def test_a_host_is_an_address_or_a_name(host: str) -> None:
    """No address of a page."""
    with pytest.raises(ValueError, match="host must be"):
        DashboardSettings(".", host=host)


@pytest.mark.parametrize("name", ["", "*", "*.example", "a:80", "http://a", "a/b", "a b"])
def test_a_further_name_is_a_plain_one(name: str) -> None:
    """No pattern, no port."""
    with pytest.raises(ValueError, match="plain host name"):
        DashboardSettings(".", names=(name,))


def test_the_stores_path_is_absolute_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later change of directory doesn't matter."""
    monkeypatch.chdir(tmp_path)

    assert DashboardSettings("store").place == str(tmp_path / "store")


def test_settings_survive_the_way_to_another_process() -> None:
    """Token included."""
    settings = DashboardSettings("store", host="::1", port=1, read_only=True, token="t" * 20, names=("a", "b"))

    assert DashboardSettings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("host", "there"),
    [("127.0.0.1", "http://127.0.0.1:"), ("localhost", "http://localhost:"), ("::1", "http://[::1]:")],
)
def test_the_address_is_what_a_visitor_types(host: str, there: str) -> None:
    """With the port that was found."""
    settings = DashboardSettings(".", host=host, port=0)
    try:
        bound = bind(settings)
    except DashboardError:
        pytest.skip(f"this machine has no {host}")
    with bound:
        assert address(settings, bound) == f"{there}{bound.getsockname()[1]}"


def test_an_address_of_another_machine_is_refused() -> None:
    """It says which ones there are."""
    with pytest.raises(DashboardError, match=r"no address of this machine; 127\.0\.0\.1"):
        bind(DashboardSettings(".", host="203.0.113.7", port=0))
    with pytest.raises(DashboardError, match="no address of this machine"):
        bind(DashboardSettings(".", host="no.such.host.invalid", port=0))
