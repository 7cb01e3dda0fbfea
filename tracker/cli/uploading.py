"""What `steplog sync` does for object storage: uploads a spool, or any store in a folder, from where that stopped."""

import os
import shutil
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import typer

from ingest.errors import Busy, ObjectsUnavailable
from ingest.layout import Layout
from ingest.objects.address import Address, is_address, spool_folder
from ingest.objects.target import read_target
from readers.objects.requests import Requests, is_held
from readers.visible import visible
from tracker.cli.options import AskedWrongly, StoreNotFound, open_layout
from tracker.cli.screen import cell, console, print_json, size
from tracker.spool import create, spool_layout

if TYPE_CHECKING:
    from ingest.objects.attempts import State
    from ingest.objects.bucket import Bucket
    from ingest.objects.uploader import Uploader

_TURN_S = 0.3
_SLICE_S = 5.0
_SEND_S = 30.0
_SENT = ("parts", "live", "files", "bytes")
_WAITING = ("waiting_parts", "waiting_bytes")


class Upload(NamedTuple):
    """What is to be uploaded, and where to."""

    layout: Layout
    address: Address


def meant(store: str, to: str | None, *, explicit: bool) -> Upload | None:
    """What `steplog sync STORE --to` means on object storage; None where it means an MLflow server.

    Args:
        explicit: whether `to` was typed; else it is the environment's, and what the store says of itself goes first.

    Raises: AskedWrongly: there is no such address. StoreNotFound.
    """
    try:
        target = Address.of(to) if to is not None and is_address(to) and explicit else None
        address = Address.of(store) if is_address(store) else None
    except ValueError as error:
        raise AskedWrongly(str(error)) from error
    if address is not None:
        if explicit and target is None:
            raise AskedWrongly(
                f"{address.shown} is uploaded by 'steplog sync', not sent to an MLflow server; log with backend "
                "'both', or send a store that is a folder"
            )
        layout = Layout(spool_folder(address, os.environ.get("STEPLOG_QUEUE_DIR") or None))
        if not layout.check():
            raise StoreNotFound(
                f"nothing of {address.shown} waits on this host: there is no spool at {str(layout.root)!r}; of another "
                "host's spool, or one in another queue_dir, give the folder: steplog sync FOLDER"
            )
        return Upload(layout, target or address)
    if explicit and target is None:
        return None
    layout = open_layout(store)
    address = target or read_target(layout)
    return None if address is None else Upload(layout, address)


def upload(meant: Upload, *, again: bool, timeout: float | None, json: bool) -> None:
    """Upload all that is there, and say what was sent. Raises: ObjectsUnavailable: a person has to change something."""
    from ingest.objects.bucket import Bucket

    until = None if timeout is None else time.monotonic() + timeout
    with Bucket(meant.address) as bucket:
        _check(bucket, meant.address)
        done, state = _uploaded(meant, bucket, until, again=again)
    sent = {name: getattr(state, name) if state else 0 for name in _SENT}
    waiting = {name.removeprefix("waiting_"): getattr(state, name) if state else 0 for name in _WAITING}
    error = state.error if state else None
    if json:
        told = {"target": meant.address.shown, "store": str(meant.layout.root), "done": done, "sent": sent}
        print_json({**told, "waiting": waiting, "error": error})
    else:
        words = (
            f"{sent['parts']:,} sealed files, {sent['live']:,} pieces of live ones and {sent['files']:,} other files"
        )
        console().print(cell(f"{words} sent to {meant.address.shown}: {size(sent['bytes'])}."), soft_wrap=True)
        if not done:
            what = f"Not all, in {timeout:g} s: the next sync goes on from here."
            console().print(cell(what, "yellow"), soft_wrap=True)
    if not done:
        raise typer.Exit(1)


def spool_of(address: Address) -> Upload:
    """The spool of an address on this host, made when missing. Raises: StoreUnavailable."""
    layout = spool_layout(address, os.environ.get("STEPLOG_QUEUE_DIR") or None)
    create(layout, address)
    return Upload(layout, address)


def send(meant: Upload) -> None:
    """Upload what a command has changed, for half a minute at most; say so, if that isn't enough."""
    from ingest.objects.bucket import Bucket

    with Bucket(meant.address) as bucket:
        done, _ = _uploaded(meant, bucket, time.monotonic() + _SEND_S, again=False)
    if not done:
        what = f"it is in {meant.layout.root}, and not yet in {meant.address.shown}"
        print(f"steplog: {visible(what)}; 'steplog sync {meant.address.shown}' sends it", file=sys.stderr)  # noqa: T201


def _uploaded(meant: Upload, bucket: "Bucket", until: float | None, *, again: bool) -> "tuple[bool, State | None]":
    """(whether all is there, how the uploader stands; None where another process did it)."""
    from ingest.objects.uploader import Uploader

    requests, asked = Requests(meant.layout.root), ""
    while True:
        try:
            if again and not is_held(meant.layout.root):
                shutil.rmtree(meant.layout.root / "upload" / meant.address.slug, ignore_errors=True)
            with Uploader(meant.layout, bucket, on_change=_say_trouble(meant.address)) as uploader:
                others = requests.names()
                done = _drained(uploader, until)
                if done:
                    requests.answer(others)
                return done, uploader.state
        except Busy as error:  # it uploads this, too: when it says that it has, all is done
            if not asked:
                print(f"steplog: {visible(error)}; waiting until it has sent all", file=sys.stderr)  # noqa: T201
                asked = f"{os.getpid()}-sync"
                requests.ask(asked)
            elif not requests.is_open(asked):
                return True, None
            if until is not None and time.monotonic() > until:
                return False, None
            time.sleep(_TURN_S)


def _drained(uploader: "Uploader", until: float | None) -> bool:
    """Upload all that is there, as often as the network needs it; False: the time is up."""
    while True:
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            return False
        if uploader.drain(_SLICE_S if left is None else left, last=True):
            return True
        if uploader.state.error is not None:
            time.sleep(min(_TURN_S if left is None else max(0.0, left), uploader.pause_s, _TURN_S))


def _check(bucket: "Bucket", address: Address) -> None:
    """Raises: ObjectsUnavailable: trying again is of no use."""
    try:
        bucket.head("store.json")
    except ObjectsUnavailable as error:
        if not error.transient:
            raise
        print(f"steplog: waiting for {address.shown}: {visible(error)}", file=sys.stderr)  # noqa: T201


def _say_trouble(address: Address) -> "Callable[[State], None]":
    """Make what says once, on stderr, each thing that is in the way."""
    said: set[str] = set()

    def say(state: "State") -> None:
        cause = (state.error or "").rpartition("; ")[2]
        if state.error and cause not in said:
            said.add(cause)
            print(f"steplog: waiting for {address.shown}: {visible(state.error)}", file=sys.stderr)  # noqa: T201

    return say
