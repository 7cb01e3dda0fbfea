"""The plugin: what MLflow finds by the entry points, and what every process that imports mlflow pays for it."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.mlflow.store.oracle import refusal

GROUPS = ("mlflow.tracking_store", "mlflow.artifact_repository", "mlflow.model_registry_store")


@pytest.mark.parametrize("group", GROUPS)
def test_mlflow_finds_an_entry_point(group: str) -> None:
    """Of each group one, for addresses that begin with steplog."""
    (found,) = importlib.metadata.entry_points(group=group, name="steplog")

    assert callable(found.load())


def test_the_module_that_every_mlflow_process_imports_is_light() -> None:
    """No Polars, no Arrow, nothing of MLflow: only what starts no thread and opens no file."""
    code = "import sys, json, tracker.mlflowstore.plugin; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    ours = {name for name in loaded if name.split(".")[0] in {"tracker", "readers", "ingest"}}

    assert not {"polars", "pyarrow", "numpy", "mlflow", "msgspec"} & set(loaded)
    assert ours == {
        "ingest",
        "ingest.errors",
        "ingest.process",
        "tracker",
        "tracker.mlflowstore",
        "tracker.mlflowstore.plugin",
    }


@pytest.mark.parametrize(
    ("address", "folder"),
    [
        ("steplog:///{here}/a/b", "a/b"),
        ("steplog:{here}/a/b", "a/b"),
        ("steplog://rel/deep", "rel/deep"),
        ("steplog://rel", "rel"),
        ("steplog:///{here}/with%20space", "with space"),
        ("steplog:///{here}/grün & mehr", "grün & mehr"),
    ],
)
def test_an_address_is_a_folder(address: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absolute with three slashes, else below where the program runs; a run's artifacts are at an absolute one."""
    from mlflow import MlflowClient

    monkeypatch.chdir(tmp_path)
    client: Any = MlflowClient(address.format(here=str(tmp_path).lstrip("/") if "///" in address else tmp_path))
    run = client.create_run("0")
    client.log_text(run.info.run_id, "text", "a.txt")

    assert (tmp_path / folder / "store.json").is_file()
    assert (tmp_path / folder / "artifacts" / run.info.run_id / "a.txt").read_text() == "text"
    assert run.info.artifact_uri.startswith("steplog:///")
    assert Path(client.download_artifacts(run.info.run_id, "a.txt")).read_text() == "text"


def test_the_default_store_is_that_of_a_tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """steplog:// without a folder is what STEPLOG_DIR says."""
    from mlflow import MlflowClient

    monkeypatch.setenv("STEPLOG_DIR", str(tmp_path / "named"))
    MlflowClient("steplog://").create_run("0")  # type: ignore[no-untyped-call,unused-ignore]

    assert (tmp_path / "named/store.json").is_file()


def test_a_folder_that_cant_be_a_store_is_said(tmp_path: Path) -> None:
    """With MLflow's own error, and what was wrong."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    (tmp_path / "file").write_text("")

    with pytest.raises(MlflowException, match="can't be used") as caught:
        MlflowClient(f"steplog://{tmp_path}/file/below")
    assert caught.value.error_code == "INVALID_STATE"


@pytest.mark.parametrize(
    ("ask", "word"),
    [
        (lambda client: client.rename_experiment("0", "other"), "below its name"),
        (lambda client: client.create_experiment("placed", artifact_location="s3://bucket"), "artifact_location"),
        (lambda client: client.create_registered_model("model"), "set_registry_uri"),
        (lambda client: client.create_model_version("model", "source"), "set_registry_uri"),
        (lambda client: client.create_dataset("name"), "mlflow.log_input"),
        (lambda client: client._tracking_client.store.start_trace(None), "mlflow.tracing.disable"),
        (lambda client: client._tracking_client.store.log_spans("0", []), "mlflow.tracing.disable"),
        (lambda client: client._tracking_client.store.register_scorer("0", "a", "b"), "with a database"),
    ],
)
def test_what_isnt_supported_says_what_to_do(root: Path, ask: Any, word: str) -> None:
    """By MLflow's own error, never by NotImplementedError or silence."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = MlflowClient(f"steplog://{root}")

    with pytest.raises(MlflowException, match=word) as caught:
        ask(client)
    assert caught.value.error_code in {"NOT_IMPLEMENTED", "INVALID_PARAMETER_VALUE"}


def test_no_method_of_mlflows_base_class_is_left_open(root: Path) -> None:
    """Those that this package doesn't do are refused, one by one, also those that MLflow will add."""
    from mlflow import MlflowClient

    from tracker.mlflowstore.refused import _is_open

    store = MlflowClient(f"steplog://{root}")._tracking_client.store  # type: ignore[no-untyped-call,unused-ignore]
    methods = {name: getattr(type(store), name) for name in dir(type(store)) if not name.startswith("_")}

    assert [name for name, method in methods.items() if callable(method) and _is_open(method)] == []
    assert refusal(lambda: store.get_trace_info("tr-1")) == "NOT_IMPLEMENTED"


def test_pages_that_ask_for_models_and_traces_get_none(root: Path) -> None:
    """MLflow's pages ask for both about every run that they show."""
    from mlflow import MlflowClient

    client: Any = MlflowClient(f"steplog://{root}")

    assert list(client.search_registered_models()) == []
    assert list(client.search_model_versions("run_id='x'")) == []
    assert list(client.search_traces(locations=["0"])) == []
