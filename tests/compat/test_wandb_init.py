"""A script that runs with wandb runs with our stand-in, and logs the same; what was expected is of wandb 0.31.0."""

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from readers.store import Store
from tests.compat.reading import points, runs
from tests.compat.wandb_scripts import EVERYTHING
from tracker import wandb

OURS = "import tracker.wandb as wandb"
# What wandb 0.31.0 wrote for EVERYTHING with WANDB_MODE=offline, imported with `steplog import wandb`; of a metric that
# was logged twice at a step it keeps the second value. What define_metric says stands in its summary alone.
HISTORY = {
    "a": {2: 3.0, 10: 4.0, 12: 6.0, 13: 7.0},
    "b": {2: 2.0, 10: 5.0},
    "best": {None: 0.75},
    "epoch": {16: 0.0, 17: 0.0, 18: 1.0, 19: 1.0, 20: 2.0, 21: 2.0},
    "hidden": {12: 1.0},
    "inf": {1: math.inf},
    "last": {22: 8.0},
    "loss": {0: 0.75, 16: 0.5, 18: 0.25, 20: 0.16666666666666666},
    "nan": {15: "nan"},
    "net.deep.er": {0: 2.5},
    "net.norm": {0: 1.0},
    "np": {1: 0.10000000149011612},
    "ok": {0: 1.0},
    "one": {1: 4.0},
    "test.acc": {None: 0.5},
    "val/acc": {17: 0.25, 19: 0.75, 21: 0.5},
    "val/err": {17: 1.0, 19: 0.0, 21: -1.0},
    "zero-d": {1: 3.0},
}
PARAMS = {
    "dropout": 0.5,
    "flag": True,
    "late": None,
    "layers": 3,
    "lr": 0.1,
    "net": {"depth": 3, "widths": [1, 2]},
    "optimizer": "sgd",
    "seed": 7,
}
SUMMARY = {
    "a": 7,
    "b": 5,
    "best": 0.75,
    "epoch": 2,
    "inf": math.inf,
    "last": 8,
    "loss": {"mean": 0.4166666666666667, "min": 0.16666666666666666},
    "nan": "nan",
    "net": {"deep": {"er": 2.5}, "norm": 1},
    "np": 0.10000000149011612,
    "ok": True,
    "one": 4,
    "test": {"acc": 0.5},
    "val/acc": {"max": 0.75},
    "val/err": {"min": -1},
    "zero-d": 3,
}


@pytest.fixture(autouse=True)
def _no_run_is_left(store: Path) -> Iterator[None]:
    """Each test begins and ends without a run."""
    yield
    wandb.teardown()


def in_child(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a process of its own does."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def last(root: Path, name: str) -> dict[str, dict[Any, Any]]:
    """Metric -> step -> the value that was logged last; NaN as a word, as it equals nothing."""
    return {
        key: {step: "nan" if math.isnan(value) else value for step, value in each}
        for key, each in points(root)[name].items()
    }


def test_a_script_logs_what_it_logs_with_wandb(store: Path) -> None:
    """History, config and summary; the run's name, group, tags and note."""
    shown = "\nimport json; print(json.dumps(run.summary.as_dict()).replace('NaN', '\"nan\"'))"
    done = in_child(EVERYTHING.format(import_line=OURS) + shown)
    assert done.returncode == 0, done.stderr
    run = runs(store)["fast owl"]

    assert last(store, "fast owl") == HISTORY
    assert run["params"] == PARAMS
    assert json.loads(done.stdout) == SUMMARY
    assert (run["experiment"], run["group"], run["status"]) == ("vision", "ablation", "FINISHED")
    tags = {"note": "a try", "wandb.job_type": "train", "wandb.tags": ["x", "y"]}
    assert {name: value for name, value in run["tags"].items() if name in tags} == tags


def test_nothing_is_logged_without_a_run(store: Path) -> None:
    """With wandb's own error, that names the call."""
    calls: dict[str, Any] = {
        "log": lambda: wandb.log({"a": 1}),
        r"config\.lr": lambda: wandb.config.lr,
        r"config\['lr'\]": lambda: wandb.config["lr"],
        r"config\.update": lambda: wandb.config.update({"lr": 1}),
        r"summary\['x'\]": lambda: wandb.summary["x"],
        "save": lambda: wandb.save("x"),
        "watch": lambda: wandb.watch(None),
        "define_metric": lambda: wandb.define_metric("x"),
        "log_artifact": lambda: wandb.log_artifact("x"),
        "alert": lambda: wandb.alert("x"),
    }
    for words, call in calls.items():
        with pytest.raises(wandb.Error, match=rf"no run for wandb\.{words}: call wandb\.init\(\)"):
            call()
    with pytest.raises(wandb.Error):
        wandb.config.lr = 1

    wandb.finish()
    assert wandb.run is None
    assert not store.exists()


def test_a_finished_run_takes_nothing(store: Path) -> None:
    """Finishing twice is once."""
    run = wandb.init(project="p", config={"lr": 1})
    run.log({"a": 1})
    run.finish()
    run.finish(exit_code=1)

    calls: list[Callable[[], object]] = [
        lambda: run.log({"a": 2}),
        lambda: run.config.update({"b": 1}),
        lambda: run.summary.update({"c": 1}),
    ]
    for call in calls:
        with pytest.raises(wandb.errors.UsageError, match="is finished"):
            call()
    assert (run.config.lr, runs(store)[run.name]["status"]) == (1, "FINISHED")
    assert last(store, run.name) == {"a": {0: 1.0}}


@pytest.mark.parametrize(
    ("data", "error"),
    [(3, TypeError), (None, TypeError), ([1], TypeError), ({1: 2}, TypeError), ({("a",): 1}, TypeError)],
)
def test_log_refuses_what_wandb_refuses(store: Path, data: Any, error: type[Exception]) -> None:
    """And steps that are no whole numbers."""
    run = wandb.init(project="p")
    with pytest.raises(error):
        wandb.log(data)
    for step in ("5", 1.7, True):
        with pytest.raises(TypeError):
            wandb.log({"a": 1}, step=step)

    assert run.step == 0
    assert points(store) == {}


def test_a_step_behind_is_kept_where_wandb_drops_it(store: Path) -> None:
    """At its step; neither the summary nor the next step know of it."""
    run = wandb.init(project="p")
    run.log({"a": 1}, step=5)
    run.log({"a": 2})
    run.log({"a": 3}, step=2)
    run.log({"a": 4}, step=-1, commit=True)
    assert (run.summary["a"], run.step) == (2, 6)
    run.log({"a": 5})
    run.finish()

    assert points(store)[run.name]["a"] == [(5, 1.0), (5, 2.0), (2, 3.0), (-1, 4.0), (6, 5.0)]
    assert run.summary["a"] == 5


def test_what_is_logged_is_there_before_the_row_is_whole(store: Path) -> None:
    """Wandb keeps it in memory until then; here a kill loses nothing."""
    code = f"{OURS}\nimport os, signal\nrun = wandb.init(project='p', name='n')\nwandb.log({{'a': 1}}, commit=False)\n"
    done = in_child(code + "os.kill(os.getpid(), signal.SIGKILL)")

    assert done.returncode == -9
    assert (last(store, "n"), runs(store)["n"]["status"]) == ({"a": {0: 1.0}}, "INTERRUPTED")


def test_config_is_set_by_items_attributes_and_namespaces(store: Path) -> None:
    """A value that is set stays, unless somebody says that it may change."""
    run = wandb.init(project="p", config={"lr": 0.1, "path": Path("x"), "set": {1}, "array": np.arange(2)})
    config = run.config
    config.update(argparse.Namespace(batch=8))
    config["opt"] = "adam"
    assert config.setdefault("opt", "sgd") == "adam"
    assert config.setdefault("new", 1) == 1
    config.lr = 0.1
    changes: list[Callable[[], object]] = [
        lambda: setattr(config, "lr", 0.2),
        lambda: config.update({"lr": 0.2, "other": 1}),
    ]
    for change in changes:
        with pytest.raises(wandb.Error, match=r"'lr' is 0\.1 and would become 0\.2; .*allow_val_change=True"):
            change()
    config.update({"lr": 0.3}, allow_val_change=True)

    expected = {"lr": 0.3, "path": "x", "set": [1], "array": [0, 1], "batch": 8, "opt": "adam", "new": 1}
    assert dict(config) == config.as_dict() == dict(config.items()) == expected
    assert (config.get("lr"), config.get("nope", 5), "nope" in config, [*config][:1]) == (0.3, 5, False, ["lr"])
    assert not hasattr(config, "nope")
    with pytest.raises(KeyError):
        config["nope"]
    with pytest.raises(TypeError, match="config is a dict"):
        config.update(3)
    with pytest.raises(TypeError, match="a param's name is a str"):
        config.update({1: 2})
    run.finish()
    assert runs(store)[run.name]["params"] == expected


def test_config_may_come_of_a_file(store: Path, tmp_path: Path) -> None:
    """As wandb writes it, and plain; names may be chosen."""
    (tmp_path / "config.yaml").write_text("wandb_version: 1\nlr:\n  desc: null\n  value: 0.5\nlayers: 3\n")
    with wandb.init(project="p", config="config.yaml") as run:
        assert run.config.as_dict() == {"lr": 0.5, "layers": 3}
    with wandb.init(project="p", config={"a": 1, "b": 2}, config_include_keys=["a"]) as run:
        assert run.config.as_dict() == {"a": 1}
    with wandb.init(project="p", config={"a": 1, "b": 2}, config_exclude_keys=["a"]) as run:
        assert run.config.as_dict() == {"b": 2}
    with pytest.raises(wandb.errors.UsageError, match=r"nope\.yaml"):
        wandb.init(config="nope.yaml")


def test_a_secret_is_masked_in_the_store_alone(store: Path) -> None:
    """The script goes on with it."""
    with wandb.init(project="p", config={"api_key": "abc", "lr": 1}) as run:
        assert run.config.api_key == "abc"

    assert runs(store)[run.name]["params"] == {"api_key": "***", "lr": 1}


def test_the_summary_is_read_and_set(store: Path) -> None:
    """A number that no row has is a metric without a step; all else is a tag."""
    run = wandb.init(project="p")
    run.log({"acc": 0.5, "word": "x"})
    run.summary["best"] = 0.75
    run.summary["best"] = 0.75
    run.summary.update({"text": "hello", "acc": 0.9})
    run.summary["test"] = {"acc": 1}
    run.summary["test"]["f1"] = 2
    run.summary.flag = True

    summary = run.summary
    assert (summary["acc"], summary.best, summary["test"]["f1"], summary.get("nope", 3)) == (0.9, 0.75, 2, 3)
    assert ("nope" in summary, hasattr(summary, "nope"), summary["word"]) == (False, False, "x")
    with pytest.raises(KeyError, match="the summary has no 'nope'; it has: acc, word, best"):
        summary["nope"]
    run.finish()
    assert last(store, run.name) == {
        "acc": {0: 0.5}, "best": {None: 0.75}, "test.acc": {None: 1.0}, "test.f1": {None: 2.0}, "flag": {None: 1.0},
    }  # fmt: skip
    assert points(store)[run.name]["best"] == [(None, 0.75)]
    assert runs(store)[run.name]["tags"] == {"summary.text": "hello", "summary.acc": 0.9}


def test_a_metric_is_defined_as_wandb_defines_it(store: Path) -> None:
    """Its own definition hides a pattern's; what is said later is added, or with overwrite replaces it."""
    run = wandb.init(project="p")
    run.define_metric("mm", summary="min")
    run.define_metric("mm", summary="max")
    run.define_metric("g/*", summary="max")
    run.define_metric("g/x", summary="min")
    run.define_metric("over", summary="min")
    run.define_metric("over", summary="last,first", overwrite=True)
    run.define_metric("copied", summary="copy")
    run.define_metric("loss", summary="best")
    run.define_metric("gain", summary="best", goal="minimize")
    for value in (3, 4, 2):
        run.log({"mm": value, "g/x": value, "g/y": value, "over": value, "copied": value, "loss": value, "gain": value})
    run.log({"nan": 1}, step=99)

    assert {name: value for name, value in run.summary.as_dict().items() if name != "nan"} == {
        "mm": {"min": 2, "max": 4},
        "g/x": {"min": 2},
        "g/y": {"max": 4},
        "over": {"last": 2, "first": 3},
        "copied": 2,
        "loss": {"best": 2},
        "gain": {"best": 2},
    }
    for wrong in (
        {"name": "a*b"},
        {"name": 3},
        {"name": ""},
        {"name": "a", "summary": "bogus"},
        {"name": "a", "goal": "x"},
    ):
        with pytest.raises(wandb.Error, match="define_metric"):
            run.define_metric(**wrong)


def test_a_metric_that_nan_meets_says_so(store: Path) -> None:
    """As wandb's summary does; the store's own leaves NaN out."""
    run = wandb.init(project="p")
    run.define_metric("loss", summary="min,max,mean,last")
    for value in (3.0, math.nan, 2.0):
        run.log({"loss": value})

    assert repr(run.summary.as_dict()["loss"]) == "{'min': nan, 'max': nan, 'mean': nan, 'last': 2.0}"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("wandb.finish()", "FINISHED"),
        ("wandb.finish(exit_code=1)", "FAILED"),
        ("", "FINISHED"),
        ("raise KeyError", "FAILED"),
        ("with run: raise KeyError", "FAILED"),
        ("with run: raise KeyboardInterrupt", "KILLED"),
    ],
)
def test_a_run_ends_as_its_script_does(store: Path, code: str, status: str) -> None:
    """Whether it finishes it or not."""
    done = in_child(f"{OURS}\nrun = wandb.init(project='p', name='n')\nwandb.log({{'a': 1}})\n{code}")

    assert "Exception ignored" not in done.stderr
    assert (runs(store)["n"]["status"], last(store, "n")) == (status, {"a": {0: 1.0}})


VARIABLES = {
    "WANDB_PROJECT": "proj", "WANDB_NAME": "nam", "WANDB_RUN_ID": "id7", "WANDB_RUN_GROUP": "grp", "WANDB_NOTES": "hi",
    "WANDB_TAGS": "x, y", "WANDB_JOB_TYPE": "eval", "WANDB_ENTITY": "me", "WANDB_MODE": "offline",
}  # fmt: skip


def test_a_step_that_is_refused_leaves_the_step_as_it_was(store: Path) -> None:
    """What is logged next is logged."""
    with wandb.init(project="steps", name="refused") as run:
        run.log({"loss": 1.0})
        with pytest.raises(ValueError, match="too large"):
            run.log({"loss": 2.0}, step=2**70)
        run.log({"loss": 3.0})

    assert points(store) == {"refused": {"loss": [(0, 1.0), (1, 3.0)]}}


def test_the_environment_says_what_init_does_not(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments come first, then settings, then the environment."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    with wandb.init(settings=wandb.Settings(run_name="of settings", run_notes="of settings"), notes="given") as run:
        assert (run.project, run.name, run.id, run.group, run.notes) == ("proj", "of settings", "id7", "grp", "given")
        assert (run.tags, run.job_type, run.entity, run.path) == (("x", "y"), "eval", "me", "me/proj/id7")
        assert (run.offline, run.url, run.disabled, run.resumed) == (True, None, False, False)

    stored = runs(store)["of settings"]
    assert (stored["experiment"], stored["run_id"], stored["group"]) == ("proj", "id7", "grp")
    tags = {"note": "given", "wandb.tags": ["x", "y"], "wandb.job_type": "eval", "wandb.entity": "me"}
    assert stored["tags"] == tags


@pytest.mark.parametrize(
    ("variable", "value"), [("WANDB_MODE", "disabled"), ("WANDB_DISABLED", "true"), ("STEPLOG_MODE", "disabled")]
)
def test_disabled_stores_nothing(store: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """The script sees a run all the same."""
    monkeypatch.setenv(variable, value)
    with wandb.init(project="p", config={"lr": 1}) as run:
        wandb.log({"a": 1, "pic": wandb.Image(np.zeros((4, 4))), "h": wandb.Histogram([1, 2])})
        wandb.summary["best"] = 2
        wandb.save("*")
        wandb.define_metric("a", step_metric="b")
        run.log_artifact(wandb.Artifact("x", "y"))
        assert (run.disabled, wandb.config.lr, run.summary["a"], run.summary["best"]) == (True, 1, 1, 2)

    assert not store.exists()


def test_mode_disabled_is_an_argument(store: Path) -> None:
    """Others aren't known."""
    wandb.init(mode="disabled").finish()
    for wrong in ({"mode": "x"}, {"resume": "x"}, {"reinit": "x"}, {"project": "a/b"}, {"id": "a/b"}):
        with pytest.raises(wandb.errors.UsageError, match=next(iter(wrong))):
            wandb.init(**wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="project is a str"):
        wandb.init(project=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="bogus"):
        wandb.init(bogus=1)  # type: ignore[call-arg]

    assert not store.exists()


def test_a_run_is_resumed_by_its_id(store: Path) -> None:
    """Its steps go on, and its config and summary are there."""
    with wandb.init(project="p", id="one", name="first", config={"lr": 0.1}) as run:
        for value in range(3):
            run.log({"loss": value})
    with wandb.init(project="p", id="one", resume="allow", config={"late": 1}) as again:
        assert (again.resumed, again.step, again.starting_step, again.name) == (True, 3, 3, "first")
        assert (again.config.as_dict(), again.summary["loss"]) == ({"lr": 0.1, "late": 1}, 2.0)
        again.log({"loss": 9})
    with wandb.init(project="p", id="two", resume="allow") as other:
        assert (other.resumed, other.step) == (False, 0)
    with pytest.raises(wandb.errors.UsageError, match="'one' is there already, and resume is 'never'"):
        wandb.init(id="one", resume="never")
    with pytest.raises(wandb.errors.UsageError, match="no run 'nope'"):
        wandb.init(id="nope", resume="must")
    with pytest.raises(wandb.errors.UsageError, match="resume='must' needs id="):
        wandb.init(resume="must")
    with pytest.raises(wandb.errors.UnsupportedError, match="forked"):
        wandb.init(fork_from="one?_step=2")

    assert points(store)["first"]["loss"] == [(0, 0.0), (1, 1.0), (2, 2.0), (3, 9.0)]
    assert runs(store)["first"]["params"] == {"lr": 0.1, "late": 1}


def test_init_again_gives_the_run_unless_it_is_told_otherwise(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same, a new one after the end of the old one, or one beside it."""
    first = wandb.init(project="p", name="first")
    assert wandb.init(project="other", name="ignored") is first
    assert "is active, so it is given" in capsys.readouterr().err
    beside = wandb.init(project="p", name="beside", reinit="create_new")
    beside.log({"a": 1})
    wandb.log({"a": 2})
    assert wandb.run is first
    second = wandb.init(project="p", name="second", reinit=True)
    wandb.log({"a": 3})
    status = {name: run["status"] for name, run in runs(store).items()}

    assert wandb.run is second
    assert status == {"first": "FINISHED", "beside": "RUNNING", "second": "RUNNING"}
    assert {name: last(store, name)["a"] for name in status} == {
        "first": {0: 2.0}, "beside": {0: 1.0}, "second": {0: 3.0},
    }  # fmt: skip


def test_a_run_says_what_it_is_told_later(store: Path) -> None:
    """Tags and notes change; the name is a tag, as a run keeps the one that it began with."""
    with wandb.init(project="p", name="n", tags="a,b") as run:
        run.tags += ("c",)
        run.notes = "later"
        with pytest.warns(UserWarning, match="new name as its name; it is the run's tag 'name'"):
            run.name = "other"
        assert (run.tags, run.notes, run.name) == (("a", "b", "c"), "later", "other")

    assert runs(store)["n"]["tags"] == {"wandb.tags": ["a", "b", "c"], "note": "later", "name": "other"}


def test_what_there_is_not_says_what_there_is(store: Path) -> None:
    """Searches, the API, and names that the stand-in doesn't have."""
    gone: list[Callable[..., object]] = [wandb.sweep, wandb.agent, wandb.controller, wandb.Api, wandb.restore]
    for call in [*gone, wandb.attach]:
        with pytest.raises(wandb.errors.UnsupportedError, match="wandb"):
            call({})
    with pytest.raises(AttributeError, match="stand-in for wandb has no 'sklearn'; it has: AlertLevel, Api"):
        wandb.sklearn  # noqa: B018
    with wandb.init(project="p") as run:
        with pytest.raises(AttributeError, match="this run has no 'nope'; of wandb's it has: alert, config"):
            run.nope  # noqa: B018
        with pytest.raises(wandb.errors.UnsupportedError):
            run.restore("x")
        with pytest.warns(UserWarning, match="gradients"):
            wandb.watch(object())
        with pytest.warns(UserWarning, match="alerts"):
            run.alert("loss is high", "very", wandb.AlertLevel.WARN)
        with pytest.warns(UserWarning, match="log_code"):
            run.log_code()
    wandb.require("core")
    wandb.setup()

    assert wandb.login(key="x") is True
    assert set(wandb.__all__) <= {name for name in wandb.__all__ if hasattr(wandb, name)}
    [(key, value)] = Store(store).facts(kinds=["wandb.alert"]).collect().select("key", "value").rows()
    assert (key, value) == ("loss is high", '{"text": "very", "level": "WARN"}')


def test_ranks_and_children_write_one_run(store: Path) -> None:
    """Ranks by the run's id, of their first run; a forked child without further ado."""
    code = (
        f"{OURS}\nimport os\nrun = wandb.init(project='p', name='n')\n"
        "if not (child := os.fork()):\n    wandb.log({'child': 1})\n    os._exit(0)\n"
        "os.waitpid(child, 0)\nwandb.log({'parent': 1})\nwandb.finish()\n"
        "with wandb.init(project='p', name='second'):\n    wandb.log({'own': 1})"
    )
    for rank in "01":
        done = in_child(code, STEPLOG_RUN_ID="joined", RANK=rank)
        assert done.returncode == 0, done.stderr

    assert {name: run["run_id"] == "joined" for name, run in runs(store).items()} == {"n": True, "second": False}
    assert points(store)["n"] == {"child": [(0, 1.0), (0, 1.0)], "parent": [(0, 1.0), (0, 1.0)]}


def test_threads_log_a_row_each(store: Path) -> None:
    """No step is another one's, no value is lost, and the summary is whole."""
    run = wandb.init(project="p", name="n")
    run.define_metric("own/*", step_metric="shared", summary="max")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda value: run.log({"shared": value, f"own/{value % 8}": value}), range(400)))

    found = points(store)["n"]
    assert sorted(step for step, _ in found["shared"]) == list(range(400))
    assert sorted(value for _, value in found["shared"]) == list(range(400))
    assert {name: run.summary[name]["max"] for name in found if name != "shared"} == {
        f"own/{thread}": 392 + thread for thread in range(8)
    }


def test_the_import_is_light(store: Path) -> None:
    """Neither wandb nor Polars, NumPy, Pillow, matplotlib."""
    heavy = "{'wandb', 'polars', 'PIL', 'matplotlib', 'pyarrow', 'numpy', 'torch'}"
    done = in_child(f"import sys\n{OURS}\nprint(*({heavy} & {{*sys.modules}}))")

    assert (done.stdout.strip(), done.stderr) == ("", "")
