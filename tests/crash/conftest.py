"""One template a session: importing what a victim needs takes longer than the victims themselves."""

from collections.abc import Iterator

import pytest

from tests.crash import victims
from tests.ingest.conftest import scratch

__all__ = ["scratch"]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[victims.Template]:
    """What forks victims."""
    with victims.template(tmp_path_factory.mktemp("template")) as made:
        yield made
