"""Who takes part: the peers that could be installed, and why the others couldn't. And the options all scripts share."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import environments
from benchmarks.environments import Environment, NotInstallable
from benchmarks.launch import JobFailed, Outcome, run
from benchmarks.peers import OURS, PEERS, Installed


def options(description: str | None, peers: Mapping[str, Installed] = PEERS) -> argparse.ArgumentParser:
    """The options of every script; a script adds its own.

    Args:
        peers: who can take part.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smoke run: small, and kept only where --results says")
    parser.add_argument("--only", nargs="+", choices=peers, metavar="PEER", help=f"some of: {', '.join(peers)}")
    parser.add_argument("--envs", type=Path, default=environments.DEFAULT_FOLDER, help="where environments are kept")
    parser.add_argument("--data", type=Path, help="folder in which trackers write (default: the temporary folder)")
    parser.add_argument("--results", type=Path, help="folder that keeps the JSON line (default: benchmarks/results)")
    return parser


@dataclass
class Lineup:
    """The peers of one run; what one of them fails at is reported beside the figures of the others."""

    known: Mapping[str, Installed]
    """Who can take part."""
    places: dict[str, Environment] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    data: Path | None = None

    @classmethod
    def of(cls, chosen: argparse.Namespace, peers: Mapping[str, Installed]) -> "Lineup":
        """Make or find the environments of the chosen peers; ours stands first, if chosen."""
        found = cls(peers, data=chosen.data)
        for name in chosen.only or peers:
            try:
                found.places[name] = environments.environment(peers[name], chosen.envs)
            except NotInstallable as error:
                found.leave_out(name, f"not installable: {error}")
        return found

    def peers(self) -> list[Installed]:
        """Those that take part, ours first."""
        return sorted((self.known[name] for name in self.places), key=lambda peer: peer.name != OURS)

    def run(self, peer: Installed, job: dict[str, Any], **options: Any) -> Outcome | None:
        """Run a job as `launch.run` does; None where it failed."""
        try:
            return run(peer, self.places[peer.name], job, data=self.data, **options)
        except JobFailed as error:
            self.leave_out(f"{peer.name}, {job.get('question', job['loop'])}", f"failed: {error}")
            return None

    def described(self) -> dict[str, dict[str, str]]:
        """Version and settings of those that take part."""
        return {
            peer.name: {"version": self.places[peer.name].version(peer), "settings": peer.settings}
            for peer in self.peers()
        }

    def leave_out(self, name: str, why: str) -> None:
        """Say and keep why there are no figures."""
        self.absent[name] = why
        print(f"{name}: {why}", file=sys.stderr)
