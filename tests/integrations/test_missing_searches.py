"""Search engines that aren't installed."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(("name", "install"), [("optuna", "optuna"), ("flaml", "flaml[automl]"), ("ray", "ray[tune]")])
def test_an_engine_that_is_not_installed_is_named_with_what_to_do(name: str, install: str) -> None:
    """The import says which, and how to get it."""
    code = f"import sys; sys.modules[{name!r}] = None\nimport tracker.integrations.{name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert f"ImportError: tracker.integrations.{name} needs" in done.stderr
    assert f"pip install '{install}'" in done.stderr
