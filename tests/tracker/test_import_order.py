"""What the tracker imports is never seen half done by the training loop."""

from pathlib import Path

from tests.tracker.fresh import run_fresh

SCRIPT = """
    import sys, threading
    from tracker import ExperimentTracker
    seen, done = set(), threading.Event()
    names = {"numpy": "ndarray", "pyarrow": "Table", "pyarrow.parquet": "ParquetFile", "pyarrow.compute": "take"}
    with ExperimentTracker("store", auto_log=False) as tracker:
        tracker.start_run("run")
        loaded = set(names) & sys.modules.keys()
        sys.setswitchinterval(1e-5)
        for step in range(20_000):
            tracker.log_metrics({"x": 1.0}, step=step)
            seen |= {name for name, part in names.items() if not hasattr(sys.modules[name], part)}
        tracker.end_run()
    print(sorted(loaded) == sorted(names), sorted(seen))
    """


def test_a_training_loop_never_sees_a_half_imported_module(tmp_path: Path) -> None:
    """NumPy and Arrow are whole from start_run on: libraries look them up in sys.modules at any time."""
    done = run_fresh(SCRIPT, tmp_path)

    assert (done.returncode, done.stdout.strip()) == (0, "True []"), done.stderr
