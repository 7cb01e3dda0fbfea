"""What a tracker is told: by its arguments, and by environment variables where an argument is left at its default.

STEPLOG_DIR             output_dir: a folder, or an address of object storage
STEPLOG_BACKEND         backend; overrides the argument, so that a script for a server runs on a laptop
STEPLOG_MODE            "disabled": every call is accepted and does nothing, no file is made
STEPLOG_RUN_ID          the id of the first run started; ranks that share it write one run
STEPLOG_RANK            this process's rank; falls back to what torchrun, mpirun and srun say: see RANKS
STEPLOG_FLUSH_INTERVAL  seconds between two looks of the background thread
STEPLOG_FORWARD_WAIT    forward_wait_s
STEPLOG_QUEUE_DIR       queue_dir of the pipeline's settings; with an address, the folder of its spool
STEPLOG_SPOOL_DIR       the folder of spools where no queue_dir is given (see ingest.objects.address)
STEPLOG_UPLOAD_WAIT     upload_wait_s
MLFLOW_TRACKING_URI     mlflow_tracking_uri
"""

import os
import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from ingest.objects.address import Address, is_address
from ingest.settings import PipelineSettings

DEFAULT_OUTPUT_DIR = "./experiments"
DEFAULT_EXPERIMENT = "default"
Backend = Literal["local", "mlflow", "both"]
BACKENDS: tuple[Backend, ...] = ("local", "mlflow", "both")
RANKS = ("STEPLOG_RANK", "RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID")
"""Where a process's rank stands; the first that is set to a whole number counts.

RANK is torchrun's; OMPI_COMM_WORLD_RANK and PMIX_RANK are Open MPI's; PMI_RANK is MPICH's and Intel MPI's. Slurm's is
last: under `srun torchrun`, or mpirun in a Slurm job, it counts the nodes."""

_COLLAPSED = re.compile(r"(?i:s3a?|gc?s|az|abfss?):/(?=[^/])")
"""What pathlib makes of an address."""
_CREDENTIALS = re.compile(r"(?<=://)[^/]*@")


class TrackerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A tracker's arguments after the environment was looked at."""

    output_dir: str
    """The store's folder; "" where it is an address."""
    address: Address | None
    """Where on object storage the store is; None for a folder."""
    experiment: str
    backend: Backend
    mlflow_tracking_uri: str | None
    auto_log: bool
    disabled: bool
    run_id: str | None
    rank: int
    strict: bool | None
    pipeline: PipelineSettings

    forward_wait_s: float = 10.0
    """Seconds that ending a run, and closing, wait at most for the MLflow server to have everything. 0 waits not at
    all: forwarding goes on while the process lives, and the rest is sent by the next one, or by `steplog sync`."""

    upload_wait_s: float = 30.0
    """Seconds that closing, and the end of the program, wait at most until all is on object storage; what is left then
    is sent by the next tracker of this host, or by `steplog sync`. When the program is killed its uploader goes on for
    so long. Ending a run never waits. 0 waits not at all."""

    system_metrics_interval_s: float = 10.0
    """Seconds between two samples of CPU, memory, disk, network and GPU; each is some 20 points. 0 takes none."""


def read_settings(
    output_dir: str | os.PathLike[str],
    experiment_name: str | None,
    backend: str,
    mlflow_tracking_uri: str | None,
    *,
    auto_log: bool,
    strict: bool | None,
    pipeline: PipelineSettings | None,
    environment: Mapping[str, str] = os.environ,
) -> TrackerSettings:
    """Check a tracker's arguments and fill in the environment's.

    Raises: TypeError, ValueError: an argument or a variable is none of what is allowed.
    """
    if os.fspath(output_dir) == DEFAULT_OUTPUT_DIR:
        output_dir = environment.get("STEPLOG_DIR") or output_dir
    address = _address(output_dir)
    mode = environment.get("STEPLOG_MODE", "")
    if mode not in {"", "online", "enabled", "disabled"}:
        raise ValueError(f"STEPLOG_MODE is {mode!r}; it can be 'enabled', 'online' or 'disabled'")
    settings = PipelineSettings() if pipeline is None else pipeline
    if "STEPLOG_FLUSH_INTERVAL" in environment:
        settings = msgspec.structs.replace(settings, flush_interval_s=_flush_interval(environment))
    queue_dir = settings.queue_dir or environment.get("STEPLOG_QUEUE_DIR") or None
    if queue_dir is not None:
        settings = msgspec.structs.replace(settings, queue_dir=_folder("queue_dir", queue_dir))
    if strict is not None:
        settings = msgspec.structs.replace(settings, strict=strict)
    return TrackerSettings(
        output_dir="" if address else _folder("output_dir", output_dir),
        address=address,
        experiment=check_name("experiment_name", DEFAULT_EXPERIMENT if experiment_name is None else experiment_name),
        backend=_backend(environment.get("STEPLOG_BACKEND") or backend),
        mlflow_tracking_uri=mlflow_tracking_uri or environment.get("MLFLOW_TRACKING_URI"),
        auto_log=bool(auto_log),
        disabled=mode == "disabled",
        run_id=environment.get("STEPLOG_RUN_ID") or None,
        rank=_rank(environment),
        strict=strict,
        pipeline=settings,
        forward_wait_s=_wait("STEPLOG_FORWARD_WAIT", environment, 10.0),
        upload_wait_s=_wait("STEPLOG_UPLOAD_WAIT", environment, 30.0),
    )


def check_name(what: str, name: object) -> str:
    """The name as a plain str.

    Raises: TypeError: not a str. ValueError: empty, or not valid Unicode (a lone surrogate).
    """
    if not isinstance(name, str):
        raise TypeError(f"{what} is a str, not {type(name).__name__}")
    if not name:
        raise ValueError(f"{what} is empty")
    try:
        return name.encode().decode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{what} {name!r} is not valid Unicode: {error.reason}") from error


def _folder(what: str, path: str | os.PathLike[str]) -> str:
    """A folder's path, with the user's home in place of "~"."""
    folder: object = os.fspath(path)
    if not isinstance(folder, str) or not folder:
        raise ValueError(f"{what} is a folder's path, not {path!r}")
    if "://" in folder:
        shown = _CREDENTIALS.sub("***@", folder)
        if what != "output_dir":
            raise ValueError(f"{what} is {shown!r}; it is a folder on this machine, not an address")
        raise ValueError(
            f"{what} is {shown!r}; it is a folder on this machine or on a mount, or the address of a store on object "
            "storage: s3://bucket/prefix, gs://bucket/prefix or az://container/prefix. No other scheme is understood"
        )
    return os.path.expanduser(folder)  # noqa: PTH111 - a str in, a str out


def _address(output_dir: str | os.PathLike[str]) -> Address | None:
    """The address that is meant; None for a folder. Raises: ValueError: it is none that can be."""
    text: object = os.fspath(output_dir)
    if not isinstance(text, str):  # bytes are refused as a folder
        return None
    if is_address(text):
        return Address.of(text)
    found = _COLLAPSED.match(text)
    if found:
        raise ValueError(
            f"output_dir is {text!r}: a Path makes one slash of two, so an address can't be one; give it as a str, "
            f"'{found[0]}/...' ('./{text}' would be a folder)"
        )
    return None


def _backend(name: str) -> Backend:
    if name not in BACKENDS:
        raise ValueError(f"backend is {name!r}; it can be {', '.join(map(repr, BACKENDS))}")
    return name


def _rank(environment: Mapping[str, str]) -> int:
    for variable in RANKS:
        text = environment.get(variable, "")
        if text.isdecimal():
            return int(text)
        if text and variable == "STEPLOG_RANK":
            raise ValueError(f"STEPLOG_RANK is {text!r}; it is a whole number from 0")
    return 0


def _wait(variable: str, environment: Mapping[str, str], default: float) -> float:
    text = environment.get(variable, str(default))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise ValueError(f"{variable} is {text!r}; it is a number of seconds from 0 to 86400")
    return seconds


def _flush_interval(environment: Mapping[str, str]) -> float:
    text = environment["STEPLOG_FLUSH_INTERVAL"]
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.001 <= seconds <= 3600:
        raise ValueError(f"STEPLOG_FLUSH_INTERVAL is {text!r}; it is a number of seconds from 0.001 to 3600")
    return seconds
