"""The spool: the local store of this host from which a store on object storage is uploaded.

It is a store like any other, but for two things: it isn't compacted, as the bucket has the files under their names, and
files that are in the bucket go away (see ingest.objects.uploader). Several trackers and processes of a host share it.
"""

import logging
import os
import tempfile
import warnings

from ingest.errors import ObjectsUnavailable, StoreUnavailable
from ingest.filesystems import file_system, fits_mapped_queue
from ingest.layout import Layout
from ingest.objects.address import Address, spool_folder
from ingest.objects.kept import SpoolLayout
from ingest.objects.target import write_target
from ingest.settings import PipelineSettings
from tracker.settings import TrackerSettings

_log = logging.getLogger("steplog.upload")
SEAL_INTERVAL_S = 300.0
"""As PipelineSettings.seal_interval_s, for a spool: what is logged is in the bucket long before it is sealed, and each
sealed file is three requests that cost money."""


def spool_layout(address: Address, queue_dir: str | os.PathLike[str] | None) -> Layout:
    """Where the spool of an address is on this host: below queue_dir, if that is given.

    Raises: StoreUnavailable: nothing says where, and there is no home.
    """
    try:
        return SpoolLayout(spool_folder(address, queue_dir))
    except RuntimeError as error:  # pathlib's, of a user without a home
        message = f"{address.shown} needs a folder on this host, and it has no home ({error}): set STEPLOG_SPOOL_DIR"
        raise StoreUnavailable(message) from error


def create(layout: Layout, address: Address | None) -> None:
    """Make a store, or check the one that is there; with an address, make it its spool.

    Raises: StoreUnavailable: it can't be made or written. FormatTooNew.
    """
    if address is None:
        layout.create()
        return
    try:
        layout.create()
        write_target(layout, address)
        if not fits_mapped_queue(layout.root):
            _log.warning(
                "%s, from which %s is uploaded, is on %s: a log call takes a write there, and nodes that share it have "
                "one uploader; set STEPLOG_SPOOL_DIR to a folder on local disk",
                layout.root, address.shown, file_system(layout.root),
            )  # fmt: skip
    except (StoreUnavailable, OSError) as error:
        message = (
            f"{address.shown} needs a folder on this host, from which it is uploaded: {error}; choose another with "
            "STEPLOG_SPOOL_DIR or PipelineSettings(queue_dir=...)"
        )
        raise StoreUnavailable(message) from error


def spool_settings(settings: PipelineSettings) -> dict[str, object]:
    """What is different for a spool; another `seal_interval_s` than the usual one is the user's."""
    is_usual = settings.seal_interval_s == PipelineSettings().seal_interval_s
    seals_s = SEAL_INTERVAL_S if is_usual else settings.seal_interval_s
    return {"queue_dir": None, "compact_files": 0, "seal_interval_s": seals_s}


def check_installed(address: Address) -> None:
    """Raises: ObjectsUnavailable: obstore isn't installed. It isn't imported: a training has no use for it."""
    from importlib.metadata import PackageNotFoundError, version  # 10 ms

    try:
        version("obstore")
    except PackageNotFoundError as error:
        message = f"{address.shown} needs obstore, which isn't installed: pip install 'steplog[cloud]'"
        raise ObjectsUnavailable(message, transient=False) from error


def opened(settings: TrackerSettings) -> Layout:
    """The layout of the store that a tracker logs to, made if need be.

    Raises: as `create`, and ObjectsUnavailable: obstore isn't installed; unless strict is False, which goes on in
        another folder with a warning.
    """
    address = settings.address
    queue_dir = settings.pipeline.queue_dir
    layout = Layout(settings.output_dir, queue_dir) if address is None else spool_layout(address, queue_dir)
    if settings.disabled:
        return layout
    try:
        if address is not None:
            check_installed(address)
        create(layout, address)
    except StoreUnavailable as error:
        if settings.strict is not False:
            raise
        layout = _second_best(layout, address)
        warnings.warn(f"{error}. Logging to {layout.root} instead, since strict=False", stacklevel=4)
    return layout


def _second_best(wanted: Layout, address: Address | None) -> Layout:
    """A store to go on with: the one that was wanted, without its queue_dir; else one in a temporary folder."""
    layout = type(wanted)(wanted.root)
    try:
        create(layout, address)
    except StoreUnavailable:
        layout = type(wanted)(tempfile.mkdtemp(prefix="steplog-"))
        create(layout, address)
    return layout
