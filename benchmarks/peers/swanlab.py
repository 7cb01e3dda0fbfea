"""SwanLab, offline: records kept locally for a later upload."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers.contract import NUMPY, LogCall


class SwanLab:
    """An offline run with terminal capture, hardware monitor and environment capture off."""

    name = "swanlab"
    requirements = ("swanlab==0.10.3", NUMPY)
    settings = "mode=offline, terminal proxy and all probes off"
    environment: Mapping[str, str] = {
        "SWANLAB_MODE": "offline",
        "SWANLAB_ROOT": "{folder}/root",
        "SWANLAB_INTERACTIVE": "false",
    }

    def open(self, folder: Path) -> LogCall:
        """Start a run that writes below `folder`."""
        import swanlab

        options = swanlab.Settings
        settings = options(
            terminal=options.Terminal(proxy_type="none"),
            probe=options.Probe(
                hardware=False, runtime=False, requirements=False, git=False, swanlab=False, monitor=False
            ),
        )
        self._run: Any = swanlab.init(mode="offline", project="bench", name="r", log_dir=str(folder), settings=settings)
        log: LogCall = self._run.log
        return log

    def close(self) -> None:
        """Finish the run."""
        self._run.finish()

    def count_points(self, folder: Path) -> int | None:
        """Not told: the files are a private format."""
        del folder
        return None
