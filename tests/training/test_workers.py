"""Workers fit candidates here or in processes of their own, with the same results; those can be killed."""

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.training.learners import Bayes, Broken
from tests.training.tables import wine
from tests.waiting import until
from tracker.training.candidate import Candidate, Learner
from tracker.training.crossvalidation import FitFailed, FoldResult, Job, make_folds
from tracker.training.problem import Problem
from tracker.training.scoring import scorer_for
from tracker.training.workers import Here, Processes, Workers

PROBLEM = Problem.of(*wine())
FOLDS = make_folds(PROBLEM, 3, 1, 0)
FAR = math.inf


def jobs(learner: Learner, owner: int = 1, *, limit_s: float = FAR) -> list[Job]:
    """A candidate on each fold."""
    params = dict(learner.space(PROBLEM).default())
    return [Job(Candidate(learner, params, 0), fold, owner, limit_s=limit_s) for fold in FOLDS]


def here() -> Here:
    """In this process."""
    return Here(PROBLEM, scorer_for(None, PROBLEM.task))


@pytest.fixture
def processes() -> Iterator[Processes]:
    """Two processes."""
    made = Processes(PROBLEM, scorer_for(None, PROBLEM.task), 2)
    yield made
    made.close()


def alive(pid: int) -> bool:
    """Whether a process is there, zombies aside."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_processes_give_what_this_process_gives(processes: Processes) -> None:
    """The same scores and predictions, in the order of the jobs; a failure by its name and text."""
    wanted = [*jobs(Bayes()), *jobs(Broken("raise"), 2)]
    ours, theirs = here().run(wanted, FAR), processes.run(wanted, FAR)

    for own, other in zip(ours[:3], theirs[:3], strict=True):
        assert isinstance(own, FoldResult)
        assert isinstance(other, FoldResult)
        assert own.score == other.score
        assert np.array_equal(own.prediction, other.prediction)
    assert isinstance(ours[3], ArithmeticError)
    assert isinstance(theirs[3], FitFailed)
    assert (theirs[3].kind, str(theirs[3])) == ("ArithmeticError", str(ours[3]))


def test_a_fit_that_hangs_is_killed_at_its_limit(processes: Processes, tmp_path: Path) -> None:
    """Its process is gone, and the others' fits go on meanwhile."""
    note = tmp_path / "fits"
    hanging = jobs(Broken("hang", str(note)), limit_s=2.0)[:1]
    results = processes.run([*hanging, *jobs(Bayes(), 2)], FAR)

    assert isinstance(results[0], TimeoutError)
    assert all(isinstance(result, FoldResult) for result in results[1:])
    assert not alive(int(note.read_text()))


def test_a_fit_that_runs_when_the_time_is_over_is_killed(processes: Processes) -> None:
    """It has no result, and isn't its own fault."""
    results = processes.run(jobs(Broken("hang")), time.monotonic() + 0.2)

    assert results == [None, None, None]


def test_a_process_that_dies_costs_one_fit(processes: Processes) -> None:
    """It says how it ended; the next jobs get a new one."""
    results = processes.run([*jobs(Broken("die"))[:1], *jobs(Bayes(), 2)[:2]], FAR)

    assert isinstance(results[0], FitFailed)
    assert (results[0].kind, "41" in str(results[0])) == ("WorkerDied", True)
    assert all(isinstance(result, FoldResult) for result in results[1:])


def test_classes_that_only_the_script_knows_come_along(processes: Processes) -> None:
    """As those of a notebook's cells do, which no other process could import."""

    class Local(Bayes):
        """Of this function alone."""

    results = processes.run(jobs(Local())[:1], FAR)

    assert isinstance(results[0], FoldResult)


def test_closing_ends_the_processes(processes: Processes, tmp_path: Path) -> None:
    """Twice is once; who runs jobs then gets new ones."""
    note = tmp_path / "fits"
    processes.run(jobs(Broken("raise", str(note)))[:1], FAR)
    processes.close()
    processes.close()

    assert not any(alive(int(line)) for line in note.read_text().splitlines())
    assert isinstance(processes.run(jobs(Bayes())[:1], FAR)[0], FoldResult)


def test_a_worker_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    """Also in the midst of a fit that hangs."""
    note = tmp_path / "fits"
    child = os.fork()
    if not child:
        made = Processes(PROBLEM, scorer_for(None, PROBLEM.task), 1)
        made.run(jobs(Broken("hang", str(note)))[:1], FAR)
        os._exit(0)
    until(lambda: note.exists() and note.read_text().endswith("\n"))
    os.kill(child, 9)
    os.waitpid(child, 0)
    worker = int(note.read_text())

    until(lambda: not alive(worker), "the worker outlives its parent")


@pytest.mark.parametrize("where", ["here", "processes"])
def test_no_job_begins_when_the_time_is_over(where: str, processes: Processes) -> None:
    """None is its result."""
    workers: Workers = here() if where == "here" else processes

    assert workers.run(jobs(Bayes()), time.monotonic() - 1) == [None, None, None]


def test_here_a_trial_over_its_limit_fails_after_the_fit() -> None:
    """Nothing in this process could end it; its other folds aren't begun."""
    first, *others = here().run(jobs(Bayes(), limit_s=1e-9), FAR)

    assert isinstance(first, TimeoutError)
    assert others == [None, None]
