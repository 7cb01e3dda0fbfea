"""A process that fits candidates, one after the other, and that can be killed in the midst of one.

It is a fresh interpreter, no fork: a fork would take over the locks of threads that it doesn't have. The parent sends
the problem once, then jobs, and gets a result or an error for each, over a pipe of their own, so what a model prints
goes where it always goes. What is sent is pickled by cloudpickle, so that a user's own classes come along.

The child ignores Ctrl-C, which is the parent's to answer, and ends when its parent is gone.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection, Pipe
from typing import Any

from tracker.training.crossvalidation import FitFailed, FoldResult, Job, run_fold
from tracker.training.problem import Problem
from tracker.training.scoring import Scorer

try:
    import cloudpickle
except ImportError:  # joblib, which scikit-learn needs, brings it along: beside itself, or before 1.6 inside
    from joblib.externals import cloudpickle

_READY = b"ready"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_LOOK_S = 2.0


class WorkerProcess:
    """The parent's end of one process, which is made when first needed, and anew after it was killed or died.

    Args:
        threads: that native code may use in it.
    """

    def __init__(self, problem: Problem, scorer: Scorer, threads: int) -> None:
        self._held = problem, scorer
        self._threads = threads
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._ready = False
        self.busy = False

    @property
    def pipe(self) -> Connection:
        """What becomes readable when the job is done, or the process is dead."""
        assert self._pipe is not None  # noqa: S101 - asked for while it is busy
        return self._pipe

    def prepare(self) -> None:
        """Let the process begin, if there is none: its imports take a second, which no fit is charged for."""
        if self._process is not None:
            return
        self._pipe, theirs = Pipe()
        counts = dict.fromkeys(_THREADS, str(self._threads))
        paths = os.pathsep.join(path or os.curdir for path in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno()), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            env={**os.environ, **counts, "PYTHONPATH": paths},
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        self._ready = False

    def start(self, job: Job) -> None:
        """Give it a job. A process that doesn't come up, or is gone, shows as a job that failed."""
        self.prepare()
        self.busy = True
        try:
            if not self._ready:
                self.pipe.send_bytes(cloudpickle.dumps(self._held))
                self._ready = self.pipe.recv_bytes() == _READY
            self.pipe.send_bytes(cloudpickle.dumps(job))
        except (OSError, EOFError):
            return  # its end of the pipe is closed: result() says what became of it

    def result(self) -> FoldResult | Exception:
        """What came of the job; the pipe is readable."""
        self.busy = False
        try:
            found: FoldResult | FitFailed = pickle.loads(self.pipe.recv_bytes())  # noqa: S301 - our own child's
        except (OSError, EOFError):
            process = self._process
            code = None if process is None else process.wait()
            self.kill()
            return FitFailed("WorkerDied", f"the process that fitted it ended with the code {code}")
        return found

    def kill(self) -> None:
        """End the process, whatever it does; twice is once."""
        self.busy = False
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None


def serve(pipe: Connection) -> None:
    """The child: take the problem, then jobs, until the parent closes the pipe."""
    problem, scorer = pickle.loads(pipe.recv_bytes())  # noqa: S301 - our own parent's
    pipe.send_bytes(_READY)
    while True:
        pipe.send_bytes(_done(pipe.recv_bytes(), problem, scorer))


def _done(sent: bytes, problem: Problem, scorer: Scorer) -> bytes:
    """Do a job; its result, or its error by name and text, as errors of foreign classes needn't survive a pickle."""
    found: Any
    try:
        found = run_fold(pickle.loads(sent), problem, scorer)  # noqa: S301 - our own parent's
    except Exception as error:  # noqa: BLE001 - a candidate may fail in any way: a failed trial
        found = FitFailed.of(error)
    return pickle.dumps(found)


def _end_with(parent: int) -> None:
    """End when the parent is gone, also in the midst of a fit."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)


def main(descriptor: int, parent: int) -> None:
    """Serve one parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        serve(Connection(descriptor))
    except (EOFError, OSError):
        return  # the parent has closed its end


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
