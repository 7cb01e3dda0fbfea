"""MLflow, or enough of it, isn't installed: each way to it says so at the call, and what to install."""

import subprocess
import sys
from pathlib import Path

import pytest

HIDDEN = """
import sys, importlib.metadata as metadata
class Hidden(metadata.DistributionFinder):
    def find_distributions(self, context=metadata.DistributionFinder.Context()):
        return (one for one in real(context) if one.name not in hidden)
hidden = sys.argv[1].split(",")
(finder,) = (one for one in sys.meta_path if hasattr(one, "find_distributions"))
real = finder.find_distributions
sys.meta_path[:] = [one for one in sys.meta_path if one is not finder]
class Modules:
    find_spec = staticmethod(finder.find_spec)
    invalidate_caches = staticmethod(finder.invalidate_caches)
sys.meta_path += [Modules, Hidden()]
sys.argv = sys.argv[1:]
"""
"""What pip wrote down of some packages can't be found, as where they aren't installed."""
WAYS = {
    "training": "from tracker import ExperimentTracker; ExperimentTracker(sys.argv[2], 'a', 'both', sys.argv[1])",
    "sync": "from tracker.cli import main; sys.argv = ['steplog', 'sync', sys.argv[2], '--to', sys.argv[1]]; main()",
    "reading": "from tracker import MLflowSource; MLflowSource(sys.argv[1])",
    "import": "from tracker.cli import main; "
    "sys.argv = ['steplog', 'import', 'mlflow', sys.argv[1], '--store', sys.argv[2] + '2']; main()",
}


def said(way: str, hidden: str, uri: str, root: Path) -> str:
    """The last of what is said on stderr, in one line."""
    from tracker import ExperimentTracker

    ExperimentTracker(root, auto_log=False).close()
    code = HIDDEN + WAYS[way]
    command = [sys.executable, "-c", code, hidden, uri, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    return " ".join(done.stderr.split("Error:")[-1].split())


@pytest.mark.parametrize("way", WAYS)
def test_a_missing_extra_is_named(way: str, root: Path) -> None:
    """Both that would do."""
    words = said(way, "mlflow,mlflow-skinny", "http://127.0.0.1:9", root)

    assert (
        "this needs MLflow, which isn't installed: pip install 'steplog[mlflow]' (or 'steplog[mlflow-client]'" in words
    )


@pytest.mark.parametrize("way", WAYS)
def test_a_database_needs_all_of_mlflow(way: str, root: Path, tmp_path: Path) -> None:
    """With its client alone; not refused run by run, and not in MLflow's own words."""
    database = tmp_path / "mlflow.db"
    database.touch()

    words = said(way, "mlflow", f"sqlite:///{database}", root)

    assert "is a database, and of MLflow only the client is installed, which knows servers: pip install" in words
    assert "'steplog[mlflow]'" in words
