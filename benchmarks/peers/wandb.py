"""wandb, offline: records go to a helper process (wandb-core), which writes a local log."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers.contract import NUMPY, LogCall


class WandbOffline:
    """An offline run with console, system metrics, code and git capture off."""

    name = "wandb"
    requirements = ("wandb==0.31.0", NUMPY)
    settings = "mode=offline, console=off, system metrics, machine info, git and code capture off"
    environment: Mapping[str, str] = {
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_DIR": "{folder}",
        "WANDB_CACHE_DIR": "{folder}/cache",
        "WANDB_CONFIG_DIR": "{folder}/config",
        "WANDB_DATA_DIR": "{folder}/data",
    }

    def open(self, folder: Path) -> LogCall:
        """Start a run that writes below `folder`."""
        import wandb

        settings = wandb.Settings(
            console="off", disable_git=True, disable_code=True, x_disable_stats=True, x_disable_machine_info=True
        )
        self._run: Any = wandb.init(project="bench", name="r", dir=str(folder), mode="offline", settings=settings)
        log: LogCall = self._run.log
        return log

    def close(self) -> None:
        """Finish the run; waits for the helper process."""
        self._run.finish()

    def count_points(self, folder: Path) -> int | None:
        """Not told: the log is a private format."""
        del folder
        return None
