"""Ray that isn't connected is no cluster."""

import sys
from pathlib import Path

import pytest

from ingest.errors import ClusterUnavailable
from readers.store import Store

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # of its import


def test_ray_that_is_not_connected_is_misuse(root: Path) -> None:
    """The module before ray.init(), and an address that is none."""
    pytest.importorskip("ray")
    with pytest.raises(ValueError, match=r"ray\.init\(\)"):
        Store(root, cluster=sys.modules["ray"])
    with pytest.raises(ValueError, match="no address of one"):
        Store(root, cluster="ray://")


def test_an_address_at_which_no_ray_listens_is_named(root: Path) -> None:
    """Said at once; Ray itself would try for minutes."""
    pytest.importorskip("ray")
    with pytest.raises(ClusterUnavailable, match=r"no Ray cluster at ray://127\.0\.0\.1:9"):
        Store(root, cluster="ray://127.0.0.1:9")
