"""What a training process carries: logging, sealing and compaction import nothing heavy or unsafe to fork."""

import subprocess
import sys
import textwrap
from pathlib import Path

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
    assert tracker.stats().segments > 8 and tracker.stats().faults == 0, tracker.stats()
    heavy = {"pandas", "polars", "sklearn", "scipy", "matplotlib", "mlflow", "pyarrow.dataset", "torch"}
    print(sorted(heavy & sys.modules.keys()))
    """


def test_logging_sealing_and_compacting_stay_light(tmp_path: Path) -> None:
    """Polars would hang a forked child, pandas costs half a second: neither is in a process that only logs."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=15,
    )

    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
    assert len(list((tmp_path / "store" / "metrics").glob("*/*.parquet"))) < 16
