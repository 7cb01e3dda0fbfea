"""What becomes of a model's versions: tags, stages, promotion, deletion, and the history of it all."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.errors import MetricNotFound, ModelInUse, ModelNotFound, SegmentCorrupt
from ingest.settings import PipelineSettings
from readers.store import Store
from tracker.experiment import ExperimentTracker
from tracker.modelregistry import ModelRegistry, who
from tracker.models import ModelVersion


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """Give a tracker with an active run, in a store of its own."""
    with ExperimentTracker(str(tmp_path / "store"), "test", auto_log=False, strict=True) as made:
        made.start_run("run")
        yield made


def save(tracker: ExperimentTracker, number: float = 1, name: str = "m", **options: Any) -> ModelVersion:
    """Log a model that must be taken."""
    version = tracker.log_model({"w": np.array([number])}, name, **options)
    assert version is not None
    return version


def tags(tracker: ExperimentTracker) -> list[dict[str, Any]]:
    """The tags of each version."""
    return [entry["tags"] for entry in tracker.list_models("m")]


def test_tags_are_set_changed_and_taken_away(tracker: ExperimentTracker) -> None:
    """At the save or later, values of any kind, names of any kind; secrets are masked."""
    save(tracker, tags={"stage": "staging", "owner": "anna"})
    save(tracker)
    tracker.set_model_tags(
        "m", 1, {"owner": None, "checks": {"bias": True, "p": [0.5]}, "a/é~": 1, "api_key": "hunter2"}
    )

    expected = {"stage": "staging", "checks": {"bias": True, "p": [0.5]}, "a/é~": 1, "api_key": "***"}
    assert tags(tracker) == [expected, {}]
    assert tracker.get_model_info("m", 1)["tags"] == expected


def test_processes_that_tag_at_once_lose_none(tracker: ExperimentTracker) -> None:
    """Each sets tags of its own on the same version."""
    save(tracker)
    script = """
import sys
from ingest.layout import Layout
from tracker.modelregistry import ModelRegistry
registry = ModelRegistry(Layout(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    registry.set_tags("m", 1, {f"{sys.argv[2]} {number}": number})
    registry.set_alias("m", f"{sys.argv[2]} {number}", 1)
"""
    command = [sys.executable, "-c", script, str(tracker.root)]
    writers = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for name in "ab"
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.communicate("\n")

    entry = tracker.get_model_info("m")
    assert entry["tags"] == {f"{name} {number}": number for name in "ab" for number in range(20)}
    assert sorted(entry["aliases"]) == sorted(entry["tags"])


@pytest.mark.parametrize("wrong", [["stage"], {1: "x"}, {"": "x"}, "stage"])
def test_what_is_no_tag_is_refused_before_anything_is_saved(wrong: Any, tracker: ExperimentTracker) -> None:
    """By the save and later alike."""
    save(tracker)

    with pytest.raises((TypeError, ValueError), match="tag"):
        tracker.set_model_tags("m", 1, wrong)
    with pytest.raises((TypeError, ValueError), match="tag"):
        save(tracker, tags=wrong)
    assert tags(tracker) == [{}]


def test_promotion_moves_the_alias_and_archives_the_version_before(tracker: ExperimentTracker) -> None:
    """The stage says what each is; the alias leads to the one that counts."""
    for number in range(3):
        save(tracker, number)
    first = tracker.promote("m", 1)
    second = tracker.promote("m")

    assert first is not None
    assert (first.before, first.archived) == (None, [])
    assert second is not None
    assert (second.version, second.to, second.before, second.archived) == (3, "production", 1, [1])
    assert tracker.load_model("m", "production")["w"] == [2]
    assert tags(tracker) == [{"stage": "archived"}, {}, {"stage": "production"}]


def test_promotion_may_leave_the_others_as_they_are(tracker: ExperimentTracker) -> None:
    """Two versions in one stage, as for a canary; the alias means one."""
    for number in range(2):
        save(tracker, number)
    tracker.promote("m", 1, "canary")
    done = tracker.promote("m", 2, "canary", archive_existing=False)

    assert done is not None
    assert done.archived == []
    assert tags(tracker) == [{"stage": "canary"}, {"stage": "canary"}]
    assert tracker.get_model_info("m", "canary")["version"] == 2


@pytest.mark.parametrize("to", ["latest", "3", "", "archived"])
def test_a_place_that_can_be_none_is_refused(to: str, tracker: ExperimentTracker) -> None:
    """Nothing is changed."""
    save(tracker)

    with pytest.raises(ValueError, match=r"can't be an alias|nothing is promoted to 'archived'"):
        tracker.promote("m", 1, to)
    with pytest.raises(ModelNotFound, match="no version 4 of model 'm'; there is: 1"):
        tracker.promote("m", 4)
    assert tags(tracker) == [{}]


def test_the_history_tells_who_did_what_from_what_to_what(tracker: ExperimentTracker) -> None:
    """In the order of time, versions that were deleted too."""
    save(tracker, aliases="best")
    save(tracker, tags={"stage": "staging"})
    tracker.promote("m", 2)
    tracker.set_model_alias("m", "best", 2)
    tracker.delete_model("m", 1)
    run_id = tracker._last_run_id
    tracker.end_run()
    tracker.set_model_tags("m", 2, {"stage": None})

    history = tracker.get_model_history("m")
    told = [(each["what"], each["version"], each["key"], each["value"], each["before"]) for each in history]
    assert told == [
        ("logged", 1, None, None, None),
        ("alias", 1, "best", None, None),
        ("logged", 2, None, None, None),
        ("tag", 2, "stage", "staging", None),
        ("tag", 2, "stage", "production", "staging"),
        ("alias", 2, "production", None, None),
        ("alias", 2, "best", None, 1),
        ("deleted", 1, None, None, None),
        ("tag", 2, "stage", None, "production"),
    ]
    assert {each["by"] for each in history} == {who()}
    assert [each["run_id"] for each in history] == [run_id] * 8 + [None]


def test_an_alias_is_taken_away(tracker: ExperimentTracker) -> None:
    """What it meant stays, and it can be set again."""
    save(tracker, aliases=["best", "old"])
    tracker.delete_model_alias("m", "best")

    assert tracker.list_models("m")[0]["aliases"] == ["old"]
    with pytest.raises(
        ModelNotFound, match=r"no version of model 'm' named 'best'; .* there is: 1, latest, old; give metric="
    ):
        tracker.load_model("m", "best")
    with pytest.raises(ModelNotFound, match="no alias of model 'm' named 'best'; there is: old"):
        tracker.delete_model_alias("m", "best")
    with pytest.raises(ValueError, match="can't be an alias"):
        tracker.delete_model_alias("m", "latest")
    tracker.set_model_alias("m", "best")
    assert tracker.load_model("m", "best")["w"] == [1]


def test_the_best_is_the_alias_or_is_computed_by_a_metric(tracker: ExperimentTracker) -> None:
    """By the value when the version was saved, which way its name says, the first of equal ones; NaN never wins."""
    for accuracy, loss in ((0.5, 0.3), (0.75, float("nan")), (0.75, 0.4), (float("nan"), 0.5)):
        tracker.log_metrics({"accuracy": accuracy, "loss": loss})
        save(tracker, accuracy)
    tracker.set_model_alias("m", "best", 1)

    assert tracker.load_model("m", "best")["w"] == [0.5]
    assert tracker.load_model("m", "best", metric="accuracy")["w"] == [0.75]
    assert tracker.load_model("m", metric="loss")["w"] == [0.5]
    assert np.isnan(tracker.load_model("m", "best", metric="loss", mode="max")["w"])
    with pytest.raises(MetricNotFound, match="no metric 'acuracy'; did you mean 'accuracy'"):
        tracker.load_model("m", "best", metric="acuracy")
    with pytest.raises(ValueError, match="metric= is for the version 'best', and 2 was asked for"):
        tracker.load_model("m", 2, metric="accuracy")


def test_a_deleted_version_is_gone_and_its_number_is_never_given_again(tracker: ExperimentTracker) -> None:
    """Not even that of the highest; its file and its description are removed, and all else of the model stays."""
    for number in range(3):
        save(tracker, number)
    tracker.delete_model("m", 3)
    tracker.delete_model("m", "1")

    assert [entry["version"] for entry in tracker.list_models("m")] == [2]
    assert tracker.load_model("m")["w"] == [1]
    gone = rf"no version 3 of model 'm'; it was deleted at .* by {who()}; there is: 2$"
    for call in (tracker.load_model, tracker.get_model_info, tracker.delete_model):
        with pytest.raises(ModelNotFound, match=gone):
            call("m", 3)
    assert save(tracker).version == 4
    assert [path.name for path in (tracker.layout.models / "m" / "3").iterdir()] == ["deleted.json"]


def test_the_run_says_that_a_version_was_and_is_deleted(tracker: ExperimentTracker) -> None:
    """The run that logged it, whoever deletes it."""
    save(tracker)
    run_id = tracker._last_run_id
    tracker.end_run()
    tracker.start_run("another")
    tracker.delete_model("m", 1)

    facts = Store(tracker.root).facts(runs=[str(run_id)]).collect().to_dicts()
    told = {row["kind"]: json.loads(row["value"]) for row in facts if row["kind"] in {"model", "model_deleted"}}
    assert told["model"]["version"] == told["model_deleted"]["version"] == 1


def test_a_model_whose_versions_are_all_deleted_is_no_model(tracker: ExperimentTracker) -> None:
    """Its history is still told, and the next save gets the next number."""
    save(tracker)
    tracker.delete_model("m", 1)

    assert tracker.list_models() == []
    with pytest.raises(ModelNotFound, match="no model 'm'; there is no model at all"):
        tracker.load_model("m")
    assert [each["what"] for each in tracker.get_model_history("m")] == ["logged", "deleted"]
    with pytest.raises(ModelNotFound, match="no model 'nothing'"):
        tracker.get_model_history("nothing")
    assert save(tracker).version == 2


def test_a_version_that_an_alias_means_is_deleted_only_by_force(tracker: ExperimentTracker) -> None:
    """The error names the aliases; with force they are taken away, and with the latest there is no trouble."""
    save(tracker, aliases=["best", "production"])
    save(tracker)
    with pytest.raises(ModelInUse, match="version 1 of model 'm' isn't deleted: 'best' and 'production' mean it"):
        tracker.delete_model("m", 1)
    assert tracker.load_model("m", "best")["w"] == [1]

    tracker.delete_model("m", 1, force=True)
    tracker.delete_model("m", "latest")
    assert tracker.list_models() == []
    assert [each["key"] for each in tracker.get_model_history("m") if each["version"] is None] == ["best", "production"]


def test_a_damaged_version_can_be_deleted(tracker: ExperimentTracker) -> None:
    """Nothing else can be done with it."""
    version = save(tracker)
    save(tracker)
    (version.path.parent / "model.json").write_text("{")
    tracker.delete_model("m", 1)

    assert [entry["version"] for entry in tracker.list_models("m")] == [2]


def test_an_alias_of_a_deleted_version_says_so(tracker: ExperimentTracker) -> None:
    """As another process may have set it in the same moment."""
    save(tracker)
    save(tracker)
    home = tracker.layout.models / "m"
    tracker.delete_model("m", 1)
    (home / "aliases").mkdir()
    (home / "aliases" / "best.json").write_text(json.dumps({"alias": "best", "version": 1}))

    with pytest.raises(ModelNotFound, match="no version 1 of model 'm'; alias 'best' means it; it was deleted at"):
        tracker.load_model("m", "best")
    assert [entry["aliases"] for entry in tracker.list_models("m")] == [[]]


def test_who_loads_while_a_version_is_deleted_has_it_whole_or_is_told(tracker: ExperimentTracker) -> None:
    """Never a torn file, never a damaged store."""
    save(tracker)
    for number in range(20):
        save(tracker, number)
        loaded = threading.Event()
        ends: list[Exception] = []

        def load(version: int, loaded: threading.Event = loaded, ends: list[Exception] = ends) -> None:
            while not ends:
                try:
                    tracker.load_model("m", version)
                    tracker.list_models("m")
                except (ModelNotFound, SegmentCorrupt, OSError) as error:
                    ends.append(error)
                loaded.set()

        reader = threading.Thread(target=load, args=(number + 2,))
        reader.start()
        loaded.wait()
        tracker.delete_model("m", number + 2)
        reader.join()
        assert isinstance(ends[0], ModelNotFound), repr(ends[0])


def test_a_disk_that_takes_nothing_changes_nothing_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Aliases, tags, promotion, deletion: a fault that is counted, or with strict=True an error."""
    with ExperimentTracker(str(tmp_path / "store"), "test", auto_log=False) as tracker:
        tracker.start_run()
        save(tracker, aliases="best")
        tmp = tracker.layout.tmp
        tmp.rename(tmp_path / "tmp")
        tmp.write_bytes(b"a file where the folder should be")
        with caplog.at_level(logging.WARNING, "steplog"):
            tracker.set_model_alias("m", "old", 1)
            tracker.set_model_tags("m", 1, {"stage": "staging"})
            tracker.delete_model_alias("m", "best")
            tracker.delete_model("m", 1, force=True)
            assert tracker.promote("m", 1) is None
        tmp.unlink()
        (tmp_path / "tmp").rename(tmp)

        (entry,) = tracker.list_models("m")
        assert (entry["aliases"], entry["tags"]) == (["best"], {})
        assert tracker.load_model("m", "best")["w"] == [1]
    assert [record.getMessage().split(" failed")[0] for record in caplog.records] == [
        "steplog: alias 'old' of model 'm'",
        "steplog: tags of model 'm'",
        "steplog: alias 'best' of model 'm'",
        "steplog: deleting model 'm' version 1",
        "steplog: promotion of model 'm' to 'production'",
    ]


def test_a_version_whose_alias_the_disk_did_not_take_is_there_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The run knows of it; only what failed is missing."""
    with ExperimentTracker(str(tmp_path / "store"), "test", auto_log=False) as tracker:
        run_id = tracker.start_run()
        save(tracker)
        (tracker.layout.models / "m" / "aliases").write_bytes(b"a file where the folder should be")
        version = save(tracker, 2, aliases="best")
        facts = Store(tracker.root).facts(["model"], [run_id]).collect()

        assert version.version == 2
        assert facts.height == 2
        assert [entry["aliases"] for entry in tracker.list_models("m")] == [[], []]
    assert "aliases or tags of model 'm' failed" in caplog.text


@pytest.mark.parametrize("name", ["../m", "/m", "", "a\\b", "x" * 300])
def test_a_name_that_leads_elsewhere_is_refused(name: str, tracker: ExperimentTracker) -> None:
    """By each call; nothing appears on the disk."""
    calls: list[Any] = [
        lambda: tracker.promote(name, 1),
        lambda: tracker.set_model_tags(name, 1, {"stage": "x"}),
        lambda: tracker.delete_model(name, 1),
        lambda: tracker.delete_model_alias(name, "best"),
        lambda: tracker.get_model_info(name),
        lambda: tracker.get_model_history(name),
        lambda: tracker.compare_versions(name),
        lambda: tracker.get_model_lineage(name),
        lambda: tracker.plot_model_evolution(name, "loss"),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="is refused as model name"):
            call()
    assert not tracker.layout.models.exists()


def test_a_disabled_tracker_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is made."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    with ExperimentTracker(str(tmp_path / "store"), "test") as tracker:
        tracker.start_run()
        tracker.log_model({"w": np.ones(1)}, "m", tags={"stage": "x"})
        tracker.set_model_tags("m", 1, {"stage": "x"})
        tracker.delete_model_alias("m", "best")
        tracker.delete_model("m", 1)

        assert tracker.promote("m") is None
        assert tracker.list_models() == []
    assert not (tmp_path / "store").exists()


def test_deletion_after_close_is_in_the_models_own_history(tmp_path: Path) -> None:
    """A closed tracker writes no facts; the model's folder says it."""
    pipeline = PipelineSettings()
    tracker = ExperimentTracker(str(tmp_path / "store"), "test", auto_log=False, pipeline=pipeline)
    tracker.start_run()
    save(tracker)
    tracker.close()
    tracker.delete_model("m", 1)

    assert [each["what"] for each in tracker.get_model_history("m")] == ["logged", "deleted"]


def test_a_name_too_long_for_a_folder_is_told_in_full(tracker: ExperimentTracker) -> None:
    """In the list of all models as in that of one."""
    name = f"{'very/' * 50}long"
    save(tracker, name=name, aliases="best")

    assert [entry["name"] for entry in tracker.list_models()] == [name]
    assert [entry["aliases"] for entry in tracker.list_models(name)] == [["best"]]
    assert tracker.load_model(name)["w"] == [1]


def test_promotions_at_once_leave_the_stage_with_the_version_that_the_alias_means(
    tracker: ExperimentTracker,
) -> None:
    """Neither archives the one that won."""
    for weight in (1, 2):
        tracker.log_model({"w": np.array([weight])}, "race")
    registry = ModelRegistry(tracker.layout)
    for _ in range(5):
        barrier = threading.Barrier(2)

        def promote(version: int, barrier: threading.Barrier = barrier) -> None:
            barrier.wait(timeout=15)
            registry.promote("race", version, "production")

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(promote, (1, 2)))
        meant = registry.aliases("race")["production"]
        assert registry.tags("race", meant)["stage"] == "production"
