"""Workers: where candidates are fitted, and what can be done about a fit that doesn't end.

Here              in this process, one after the other. Nothing can end a fit that hangs: limits are looked at between
                  two fits.
Processes         in processes of their own (see workerprocess). A fit that is over its limit is ended by killing its
                  process, and so is one that runs when the time is over; a process that dies (a crash of native code,
                  the kernel's out-of-memory killer) costs one fit.

Both give the results in the order of the jobs, whatever the order in which they came, so the number of processes
decides nothing about a search but its speed.
"""

import math
import os
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from typing import Protocol

from tracker.training.crossvalidation import FoldResult, Job, run_fold
from tracker.training.problem import Problem
from tracker.training.scoring import Scorer
from tracker.training.workerprocess import WorkerProcess

Result = FoldResult | Exception | None
"""What came of a job: its result, what it raised, or None: the time was over before it was done."""


class Workers(Protocol):
    """Whoever fits candidates."""

    def run(self, jobs: Sequence[Job], until_s: float) -> list[Result]:
        """Run jobs; none begins after `until_s` on the monotonic clock. Gives one result for each, in their order."""
        ...

    def close(self) -> None:
        """End what was started."""
        ...


class Here:
    """Fits in this process."""

    def __init__(self, problem: Problem, scorer: Scorer) -> None:
        self._problem = problem
        self._scorer = scorer

    def run(self, jobs: Sequence[Job], until_s: float) -> list[Result]:
        """Run jobs one after the other."""
        results: list[Result] = []
        spent: dict[int, float] = {}
        failed: set[int] = set()
        last_s: dict[int, float] = {}
        for job in jobs:
            left = until_s - time.monotonic()
            if left <= last_s.get(job.owner, 0.0) or job.owner in failed:  # as long as the last one: it would be late
                results.append(None)
                continue
            began = time.monotonic()
            result = self._one(job)
            took = last_s[job.owner] = time.monotonic() - began
            spent[job.owner] = spent.get(job.owner, 0.0) + took
            if spent[job.owner] > job.limit_s:
                result = _too_long(job, spent[job.owner])
            if isinstance(result, Exception):
                failed.add(job.owner)
            results.append(result)
        return results

    def close(self) -> None:
        """Nothing was started."""

    def _one(self, job: Job) -> Result:
        try:
            return run_fold(job, self._problem, self._scorer)
        except Exception as error:  # noqa: BLE001 - a candidate may fail in any way: a failed trial
            return error


class Processes:
    """Fits in `number` processes, which are made when first needed."""

    def __init__(self, problem: Problem, scorer: Scorer, number: int) -> None:
        threads = max(1, (os.cpu_count() or 1) // number)
        self._all = [WorkerProcess(problem, scorer, threads) for _ in range(number)]

    def run(self, jobs: Sequence[Job], until_s: float) -> list[Result]:
        """Run jobs, as many at once as there are processes."""
        shift = _Shift(jobs, until_s)
        try:
            while shift.begin(self._all):
                shift.take()
        except BaseException:  # Ctrl-C: nothing of ours goes on
            self.close()
            raise
        return shift.results

    def close(self) -> None:
        """End the processes."""
        for worker in self._all:
            worker.kill()


class _Shift:
    """What is done and to be done of some jobs."""

    def __init__(self, jobs: Sequence[Job], until_s: float) -> None:
        self.results: list[Result] = [None] * len(jobs)
        self._jobs = jobs
        self._until_s = until_s
        self._waiting = list(range(len(jobs)))
        self._busy: dict[Connection, tuple[WorkerProcess, int, float]] = {}
        self._spent: dict[int, float] = {}
        """Seconds, by the job's owner."""

    def begin(self, workers: Sequence[WorkerProcess]) -> bool:
        """Give the idle work; whether any is at work."""
        idle = [worker for worker in workers if not worker.busy]
        for worker, _ in zip(idle, self._waiting, strict=False):
            worker.prepare()
        while idle and self._waiting and time.monotonic() < self._until_s:
            worker, place = idle.pop(0), self._waiting.pop(0)
            worker.start(self._jobs[place])
            self._busy[worker.pipe] = (worker, place, time.monotonic())
        return bool(self._busy)

    def take(self) -> None:
        """Wait until something is done, or has taken too long; take it in."""
        done = wait(list(self._busy), timeout=self._patience())
        now = time.monotonic()
        for pipe, (worker, place, began) in list(self._busy.items()):
            job = self._jobs[place]
            spent = self._spent.get(job.owner, 0.0) + now - began
            result: Result = None
            if pipe in done:
                result = worker.result()
            elif spent > job.limit_s:
                result = _too_long(job, spent)
                worker.kill()
            elif now >= self._until_s:
                worker.kill()
            else:
                continue
            del self._busy[pipe]
            self.results[place] = result
            self._spent[job.owner] = spent
            if isinstance(result, Exception):  # one failed fold is enough
                self._waiting = [other for other in self._waiting if self._jobs[other].owner != job.owner]

    def _patience(self) -> float | None:
        """Seconds to the next limit; None without one."""
        jobs = [(self._jobs[place], began) for _, place, began in self._busy.values()]
        limits = [began + job.limit_s - self._spent.get(job.owner, 0.0) for job, began in jobs]
        end = min(self._until_s, *limits)
        return None if math.isinf(end) else max(0.0, end - time.monotonic()) + 1e-3


def _too_long(job: Job, took_s: float) -> TimeoutError:
    return TimeoutError(f"a fit of {job.candidate.name} took {took_s:.3g} s; its trial had {job.limit_s:.3g} s left")
