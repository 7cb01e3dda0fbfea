"""Moments: a point's time at the server, so that distinct points stay distinct and a repeated one stays one.

A server's table has (run, metric, time in milliseconds, step, value) as its key: sending a point again changes nothing,
which is what lets the forwarder repeat whatever it isn't sure of. But two points that were logged within a millisecond
may agree in all five. So a point whose place is taken goes to the next free millisecond.

Argument that repeating stays harmless: this is linear probing, and which places are taken in the end doesn't depend on
the order in which points come, so what was sent before a crash is a part of what is sent after it, however the batches
fall. The places of the last points are known (`MOST` of them; across a restart those of the last `KEPT`); two equal
points of one millisecond that are forwarded further apart than that become one.
"""

MOST = 200_000
KEPT = 500
_LARGEST = 1.7976931348623157e308

Place = tuple[str, str, int, int, float | None]
"""run id, metric, milliseconds, step, value; None stands for NaN, as it equals itself."""


class Moments:
    """The places that are taken."""

    def __init__(self, kept: list[Place] | None = None) -> None:
        self._young: dict[Place, int] = {tuple(place): place[2] + 1 for place in kept or ()}  # type: ignore[misc]
        self._old: dict[Place, int] = {}

    def free(self, run_id: str, key: str, time_ms: int, step: int, value: float) -> int:
        """Take the first free millisecond from `time_ms` on for a point; give it."""
        kept = None if value != value else max(-_LARGEST, min(_LARGEST, value))  # noqa: PLR0124 - NaN; what SQL holds
        at = time_ms
        passed = []
        while (onward := self._next((run_id, key, at, step, kept))) is not None:
            passed.append((run_id, key, at, step, kept))
            at = onward
        for place in passed:  # so that a thousand equal points of one moment don't each walk over all before
            self._take(place, at + 1)
        self._take((run_id, key, at, step, kept), at + 1)
        return at

    def kept(self) -> list[Place]:
        """The last places, to be kept on disk."""
        last = list(self._young)[-KEPT:]
        return [*list(self._old)[-(KEPT - len(last)) :], *last] if len(last) < KEPT else last

    def _next(self, place: Place) -> int | None:
        found = self._young.get(place)
        return self._old.get(place) if found is None else found

    def _take(self, place: Place, onward: int) -> None:
        if len(self._young) >= MOST // 2:
            self._old, self._young = self._young, {}
        self._young.pop(place, None)
        self._young[place] = onward
