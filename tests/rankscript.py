"""A rank as a script: it joins the run that its environment names, and logs as many steps as each line there says."""

import subprocess

RANK = """
    import sys
    from tracker import ExperimentTracker

    with ExperimentTracker(sys.argv[1], "many", auto_log=False) as tracker:
        tracker.start_run("pretrain")
        print("started", flush=True)
        step = 0
        for line in sys.stdin:
            for _ in range(int(line)):
                tracker.log_metrics({"loss": 1 / (step + 1)}, step=step)
                step += 1
            print(step, flush=True)
            if "upload" in sys.argv:
                tracker.flush(30, upload=True)
                print("uploaded", flush=True)
        tracker.end_run()
    print("through", flush=True)
"""


def told(process: "subprocess.Popen[str]") -> str:
    """The next line that it says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ask(process: "subprocess.Popen[str]", steps: int) -> None:
    """Let it log so many steps; it says how many there are when it has, and then when they are uploaded."""
    assert process.stdin is not None
    process.stdin.write(f"{steps}\n")
    process.stdin.flush()


def end(process: "subprocess.Popen[str]") -> None:
    """Let it end its part of the run, and wait for that."""
    assert process.stdin is not None
    process.stdin.close()
    assert told(process) == "through"
    assert process.wait() == 0
