"""The vocabulary: one frozen struct for each thing that can happen to a run.

An event is a past fact. Encoded with msgpack, framed and appended to the queue (see frames), it is the only form in
which anything leaves a log call. Evolution: files outlive code, so a field's type never changes and new fields come
last, with a default; a new kind of event takes a new tag. A reader that meets an unknown tag sets that record aside.

Metrics come in two forms. A call that repeats the keys of an earlier one is a `Points`: the keys were declared once
(`Shape`) in the same queue file, and the event carries only packed numbers. A call whose keys are new each time, or too
many to declare, is a self-contained `MetricsLogged`. Both decode to the same rows.
"""

import msgspec

STEP_NONE, STEP_INT, STEP_FLOAT = 0, 1, 2
"""How a `Shape`'s points give their step: not at all, as int64, as float64."""


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Base of all events; encoded as [tag, field, field, ...]."""


class Shape(Event, frozen=True, array_like=True, tag=0, gc=False):
    """Declares what the `Points` with this number mean; valid within one queue file."""

    shape: int
    run_id: str
    experiment: str
    keys: tuple[str, ...]
    step_kind: int


class Points(Event, frozen=True, array_like=True, tag=1, gc=False):
    """Values of one log call. Body, little-endian: time_ns i64, [step i64 | f64], value f64 for each key."""

    shape: int
    body: bytes


class MetricsLogged(Event, frozen=True, array_like=True, tag=2, gc=False):
    """Values of one log call, with everything needed to read it."""

    run_id: str
    experiment: str
    time_ns: int
    step: int | float | None
    keys: tuple[str, ...]
    values: bytes
    """float64, little-endian, one for each key."""


class RunStarted(Event, frozen=True, array_like=True, tag=3, gc=False):
    """A writer begins to write a run: the first one, another rank, or one that resumes it."""

    run_id: str
    experiment: str
    time_ns: int
    run_name: str
    resumed: bool = False
    parent_run_id: str | None = None
    group: str | None = None
    rank: int = 0
    host: str = ""
    pid: int = 0


class ParamsLogged(Event, frozen=True, array_like=True, tag=4, gc=False):
    """Params of one call; values are JSON texts."""

    run_id: str
    experiment: str
    time_ns: int
    params: dict[str, str]


class TagsSet(Event, frozen=True, array_like=True, tag=5, gc=False):
    """Tags of one call; values are JSON texts."""

    run_id: str
    experiment: str
    time_ns: int
    tags: dict[str, str]


class StatusSet(Event, frozen=True, array_like=True, tag=6, gc=False):
    """The user set the run's status; it survives end_run."""

    run_id: str
    experiment: str
    time_ns: int
    status: str


class RunEnded(Event, frozen=True, array_like=True, tag=7, gc=False):
    """This writer is done with the run."""

    run_id: str
    experiment: str
    time_ns: int
    status: str


class ArtifactLogged(Event, frozen=True, array_like=True, tag=8, gc=False):
    """A file now lies under artifacts/<run_id>/<path>."""

    run_id: str
    experiment: str
    time_ns: int
    path: str
    size: int
    sha256: str
    media_type: str = "application/octet-stream"
    kind: str = "file"


class ModelLogged(Event, frozen=True, array_like=True, tag=9, gc=False):
    """Version `version` of model `name` now lies under models/<name>/<version>."""

    run_id: str
    experiment: str
    time_ns: int
    name: str
    version: int
    format: str
    path: str
    size: int
    sha256: str


class FactLogged(Event, frozen=True, array_like=True, tag=10, gc=False):
    """Anything else worth a row: environment, alias, checkpoint, note. Values are JSON texts."""

    run_id: str
    experiment: str
    time_ns: int
    kind: str
    items: dict[str, str]


AnyEvent = (
    Shape
    | Points
    | MetricsLogged
    | RunStarted
    | ParamsLogged
    | TagsSet
    | StatusSet
    | RunEnded
    | ArtifactLogged
    | ModelLogged
    | FactLogged
)

FactEvent = RunStarted | ParamsLogged | TagsSet | StatusSet | RunEnded | ArtifactLogged | ModelLogged | FactLogged
"""The events that become rows of the facts table; never dropped, whatever the queue's policy."""

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(AnyEvent).decode
