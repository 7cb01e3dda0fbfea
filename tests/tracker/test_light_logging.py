"""What a training process carries: logging, sealing and compaction import nothing heavy or unsafe to fork."""

from pathlib import Path

import pytest

from tests.tracker.fresh import run_fresh

SCRIPT = """
    import sys
    from tracker import ExperimentTracker, PipelineSettings
    settings = PipelineSettings(first_segment_bytes=4096, segment_bytes=4096, compact_files=8)
    with ExperimentTracker("store", auto_log=False, pipeline=settings) as tracker:
        for name in "ab":
            with tracker.start_run(name):
                tracker.log_params({"lr": 0.1})
                for step in range(3000):
                    tracker.log_metrics({"loss": 1.0}, step=step)
                tracker.log_text("hello", "a.txt")
                tracker.log_model({"weights": 1}, "model")
        with tracker.start_run(run_id="joined"):
            tracker.log_metrics({"loss": 1.0})
    assert tracker.stats().segments > 8 and tracker.stats().faults == 0, tracker.stats()
    heavy = {"pandas", "polars", "sklearn", "scipy", "matplotlib", "mlflow", "pyarrow.dataset", "torch"}
    print(sorted(heavy & sys.modules.keys()))
    """


SHORT = """
    import sys
    from tracker import ExperimentTracker
    tracker = ExperimentTracker("store", auto_log=False)
    tracker.start_run("short")
    tracker.{call}
    """


@pytest.mark.parametrize("call", ["set_tags({'a': 1})", "log_metrics({'x': 1.0})", "log_text('hello', 'a.txt')"])
def test_a_script_that_ends_at_once_is_sealed_without_a_word(tmp_path: Path, call: str) -> None:
    """What the thread needs can be imported while the interpreter is shutting down already."""
    done = run_fresh(SHORT.format(call=call), tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list((tmp_path / "store" / "live").iterdir()) == []
    assert list((tmp_path / "store" / "facts").glob("*/*.parquet"))


def test_logging_sealing_and_compacting_stay_light(tmp_path: Path) -> None:
    """Polars would hang a forked child, pandas costs half a second: neither is in a process that only logs."""
    done = run_fresh(SCRIPT, tmp_path)

    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
    assert len(list((tmp_path / "store" / "metrics").glob("*/*.parquet"))) < 16


IMPORTS = """
    import sys, threading
    from tracker import ExperimentTracker, PipelineSettings
    imported = []
    def heard(event, arguments):
        if event == "import" and threading.current_thread().name == "steplog-writer":
            imported.append(arguments[0])
    sys.addaudithook(heard)
    settings = PipelineSettings(first_segment_bytes=4096, segment_bytes=4096, compact_files=4)
    with ExperimentTracker("store", auto_log=False, pipeline=settings) as tracker, tracker.start_run("r"):
        for step in range(3000):
            tracker.log_metrics({"loss": 1.0}, step=step)
            tracker.flush() if step == 10 else None
    print(imported)
    """


def test_the_background_thread_imports_nothing(tmp_path: Path) -> None:
    """Regression: np.unique imported numpy.ma in the first seal, 30 ms of the GIL in the middle of a training run."""
    done = run_fresh(IMPORTS, tmp_path)

    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
