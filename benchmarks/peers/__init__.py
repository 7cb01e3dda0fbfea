"""One adapter a peer, each with the peer's pinned version and the settings its documentation gives for our case.

Our case is: this machine only, no network, scalars, no capture of console, system metrics or code (ours has them
off as well). A peer that has no such switch keeps its default. Adapters import their library when opened, so that this
package can be imported where none of them is installed.
"""

from benchmarks.peers.aim import Aim
from benchmarks.peers.contract import Installed, LogCall, Peer
from benchmarks.peers.kohakuboard import KohakuBoard
from benchmarks.peers.mlflow import Mlflow
from benchmarks.peers.steplog import Steplog
from benchmarks.peers.swanlab import SwanLab
from benchmarks.peers.tensorboard import TensorBoard
from benchmarks.peers.tensorboardx import TensorBoardX
from benchmarks.peers.trackio import Trackio
from benchmarks.peers.wandb import WandbOffline

__all__ = ["OURS", "PEERS", "Installed", "LogCall", "Peer", "named"]

OURS = "steplog"
"""The name that every ratio is taken against."""

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Steplog(),
        KohakuBoard(),
        Trackio(),
        SwanLab(),
        TensorBoardX(),
        TensorBoard(),
        Aim(),
        WandbOffline(),
        Mlflow(synchronous=False),
        Mlflow(synchronous=True),
    )
}
"""Every peer by its name, ours first."""


def named(name: str) -> Peer:
    """The peer of that name."""
    return PEERS[name]
