"""Our store and MLflow's own, side by side."""

import secrets
from collections.abc import Iterator
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
def both(root: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> Both:
    """Our store and MLflow's own, which puts artifacts where the program runs."""
    monkeypatch.chdir(database.parent)
    return clients(root, database, f"{root.parent.name}-{secrets.token_hex(4)}")


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """MLflow's active run, tracking address and experiment are the whole process's, and its children's."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.setenv(name, "")  # set first, so that what mlflow sets there itself is undone
        monkeypatch.delenv(name)
    yield
    import mlflow

    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(None)
    mlflow.tracking.fluent._active_experiment_id = None
