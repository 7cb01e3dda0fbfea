"""The build hook: wheels and sdists carry the dashboard's page, so that nobody who installs one needs Node.

A wheel or an sdist without the page is a mistake, so its build fails. An editable install is somebody's working tree:
where the page can't be built (no network), it says so and goes on; the rest of the package needs no page.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PAGE = Path(__file__).with_name("page.py")


class PageHook(BuildHookInterface[Any]):
    """Builds the page, in a process of its own: the hook itself is loaded from its path and can import no neighbour."""

    def dependencies(self) -> list[str]:
        """Node as a wheel, where the page has to be built and there is no npm for it."""
        return self._page("--needs").stdout.split()

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, unless it is as new as its sources, and take it along (git ignores it)."""
        done = self._page()
        build_data["artifacts"].append("/readers/dashboard/static/**")
        if done.returncode == 0:
            return
        if version != "editable":
            raise RuntimeError(done.stderr.strip())
        self.app.display_warning(done.stderr.strip())

    @staticmethod
    def _page(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([sys.executable, str(_PAGE), *arguments], capture_output=True, text=True, check=False)
