"""With Ray the answers are the same, too."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from readers.store import Store
from tracker import ExperimentComparator

pytestmark = [
    pytest.mark.slow,  # Ray takes seconds to start
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"
    ),  # its own
    pytest.mark.usefixtures("small_chunks"),
]


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A cluster of two processors on this machine."""
    found = pytest.importorskip("ray")
    found.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        yield found
    finally:
        found.shutdown()


@pytest.mark.parametrize("by", ["module", "name"])
def test_ray_gives_what_this_process_gives(by: str, root: Path, ray: Any) -> None:
    """Runs side by side, points, sums and parts of histories; given the module, or the word."""
    cluster = ray if by == "module" else "ray"
    ids = Store(root).run_ids()
    answers = [
        [
            dict(ExperimentComparator(store).compare_runs(ids)),
            store.metrics().collect().rows(),
            store.metrics().select(pl.col("value").sum()).collect().rows(),
            store.aggregate(where="step > 3").collect().rows(),
        ]
        for store in (Store(root), Store(root, cluster=cluster))
    ]

    assert repr(answers[0]) == repr(answers[1])


def test_a_task_whose_worker_is_killed_is_done_again(root: Path, ray: Any, tmp_path: Path) -> None:
    """SIGKILL while it works: another process does it, no row is lost or doubled."""
    from readers.cluster.ray import Ray

    flag = str(tmp_path / "killed")

    class Deadly(Ray):
        def map(self, function: Any, jobs: Any) -> Any:
            def deadly(job: Any) -> Any:
                with contextlib.suppress(FileExistsError):
                    os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(job)

            return super().map(deadly, jobs)

    found = Store(root, cluster=Deadly()).metrics().collect()

    assert Path(flag).exists()
    assert repr(found.rows()) == repr(Store(root).metrics().collect().rows())
