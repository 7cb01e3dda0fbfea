"""Our store and MLflow's own, side by side."""

import secrets
from pathlib import Path

import pytest

from tests.mlflow.store.oracle import Both, clients

_THEIRS = "ignore::Warning:(mlflow|sqlalchemy|sklearn|pydantic|alembic)"
"""MLflow's own code runs in our process, and its database store uses what SQLAlchemy calls deprecated."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let MLflow's warnings be."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(_THEIRS))


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of MLflow's, for all tests of a worker: to make it takes MLflow seconds."""
    return tmp_path_factory.mktemp("oracle") / "mlflow.db"


@pytest.fixture
def both(root: Path, database: Path) -> Both:
    """Our store and MLflow's own."""
    return clients(root, database, f"{root.parent.name}-{secrets.token_hex(4)}")
