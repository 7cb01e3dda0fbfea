"""Artifacts through MLflow: they lie in our store, whole, and MLflow finds them as in its own."""

from pathlib import Path
from typing import Any

import pytest

from readers.store import Store
from tests.mlflow.store.oracle import Both, refusal
from tracker import ExperimentTracker


def _run(client: Any, both: Both) -> str:
    found = client.get_experiment_by_name(both.prefix)
    experiment = client.create_experiment(both.prefix) if found is None else found.experiment_id
    return str(client.create_run(experiment).info.run_id)


def _listed(client: Any, run_id: str, folder: str | None = None) -> list[tuple[Any, ...]]:
    found = []
    for each in client.list_artifacts(run_id, folder):
        found.append((each.path, each.is_dir, each.file_size))
        if each.is_dir:
            found += _listed(client, run_id, each.path)
    return found


def _logged(client: Any, run_id: str, folder: Path) -> None:
    """A file, a folder, text, a dict and a figure."""
    from matplotlib.figure import Figure

    (folder / "data/deep er").mkdir(parents=True, exist_ok=True)
    (folder / "data/one.txt").write_text("one")
    (folder / "data/deep er/two.bin").write_bytes(b"\0\1")
    client.log_artifact(run_id, folder / "data/one.txt")
    client.log_artifact(run_id, folder / "data/one.txt", "below/it")
    client.log_artifacts(run_id, folder / "data", "all")
    client.log_artifact(run_id, folder / "data")
    client.log_text(run_id, "text", "notes/a.md")
    client.log_dict(run_id, {"a": [1, 2]}, "b.json")
    client.log_figure(run_id, Figure(), "c.png")


def test_what_is_logged_is_listed_and_downloaded(both: Both, tmp_path: Path) -> None:
    """File by file and folder by folder, as in MLflow's own store."""

    def calls(client: Any) -> Any:
        run_id = _run(client, both)
        _logged(client, run_id, tmp_path)
        whole = Path(client.download_artifacts(run_id, ""))
        files = {str(each.relative_to(whole)): each.read_bytes() for each in whole.rglob("*") if each.is_file()}
        one = Path(client.download_artifacts(run_id, "below/it/one.txt")).read_text()
        folder = Path(client.download_artifacts(run_id, "all"))
        return _listed(client, run_id), files, one, sorted(each.name for each in folder.iterdir())

    listed, files, one, names = both.answer(calls)

    assert len(files) == 9
    assert len([each for each in listed if not each[1]]) == 9
    assert (one, names) == ("one", ["deep er", "one.txt"])


def test_a_tracker_has_them_as_its_own(both: Both, tmp_path: Path) -> None:
    """Each is known by its name, with size and checksum, and reads back."""
    run_id = _run(both.ours, both)
    _logged(both.ours, run_id, tmp_path)
    both.ours.set_terminated(run_id)
    with ExperimentTracker(both.ours.tracking_uri.removeprefix("steplog://"), auto_log=False) as tracker:
        found = [each["path"] for each in tracker.list_artifacts(run_id)]
        text, data = tracker.load_artifact("notes/a.md", run_id), tracker.load_artifact("b.json", run_id)

    assert found == sorted(path for path, is_dir, _ in _listed(both.ours, run_id) if not is_dir)
    assert (text, data) == ("text", {"a": [1, 2]})


def test_what_a_tracker_has_logged_is_there_for_mlflow(both: Both) -> None:
    """Listed and downloaded by the run's id."""
    with (
        ExperimentTracker(both.ours.tracking_uri.removeprefix("steplog://"), "ours", auto_log=False) as tracker,
        tracker.start_run() as run_id,
    ):
        tracker.log_text("written", "deep/er/a.txt")

        assert [each.path for each in both.ours.list_artifacts(run_id, "deep")] == ["deep/er"]
        assert Path(both.ours.download_artifacts(run_id, "deep/er/a.txt")).read_text() == "written"


def test_addresses_of_artifacts_are_read(both: Both) -> None:
    """As MLflow makes them: of a file, of a folder, by runs:/, and put together by others."""
    import mlflow

    run_id = _run(both.ours, both)
    both.ours.log_text(run_id, "text", "a b/c.txt")
    address = both.ours.get_run(run_id).info.artifact_uri
    mlflow.set_tracking_uri(both.ours.tracking_uri)
    texts = [mlflow.artifacts.load_text(f"{where}/a b/c.txt") for where in (address, f"runs:/{run_id}")]
    texts.append(mlflow.artifacts.load_text(address.replace("steplog:///", "steplog:/") + "/a b/c.txt"))

    assert texts == ["text"] * 3


@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "/etc/out.txt", "..", "a//b.txt"])
def test_no_name_leads_out_of_the_runs_folder(both: Both, name: str, tmp_path: Path) -> None:
    """Neither to write nor to read; MLflow's own code says so, or ours does."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    run_id = _run(both.ours, both)
    both.ours.log_text(run_id, "inside", "in.txt")
    (tmp_path / "in.txt").write_text("a file of the user's")
    repository = get_artifact_repository(both.ours.get_run(run_id).info.artifact_uri)
    before = sorted(tmp_path.rglob("*.txt"))
    if name != "/etc/out.txt":  # a leading slash is taken for the run's top, as in addresses
        refusal(lambda: repository.log_artifact(str(tmp_path / "in.txt"), name))
        refusal(lambda: repository._download_file(name, str(tmp_path / "copy")))
        refusal(lambda: repository.list_artifacts(name))

    assert sorted(tmp_path.rglob("*.txt")) == before


def test_links_in_a_runs_folder_arent_followed(both: Both, tmp_path: Path) -> None:
    """Somebody who plants one shows nothing of the machine."""
    run_id = _run(both.ours, both)
    both.ours.log_text(run_id, "inside", "in.txt")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key.txt").write_text("secret")
    folder = Store(both.ours.tracking_uri.removeprefix("steplog://")).layout.run_artifacts(run_id)
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "key.txt").symlink_to(tmp_path / "secret/key.txt")

    assert [each.path for each in both.ours.list_artifacts(run_id)] == ["in.txt"]
    assert both.ours.list_artifacts(run_id, "link") == []
    refusal(lambda: both.ours.download_artifacts(run_id, "key.txt"))
    refusal(lambda: both.ours.download_artifacts(run_id, "link/key.txt"))


def test_what_isnt_there_is_said(both: Both, tmp_path: Path) -> None:
    """An unknown file, and a run that nobody has started."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    run_id = _run(both.ours, both)
    (tmp_path / "a.txt").write_text("a")
    address = both.ours.get_run(run_id).info.artifact_uri.replace(run_id, "nobody")
    repository = get_artifact_repository(address)

    assert refusal(lambda: both.ours.download_artifacts(run_id, "none.txt")) == "RESOURCE_DOES_NOT_EXIST"
    assert refusal(lambda: repository.log_artifact(str(tmp_path / "a.txt"))) == "RESOURCE_DOES_NOT_EXIST"
    assert refusal(lambda: get_artifact_repository(f"steplog://{tmp_path}/elsewhere")) == "INVALID_PARAMETER_VALUE"
    assert refusal(repository.delete_artifacts) == "NOT_IMPLEMENTED"
