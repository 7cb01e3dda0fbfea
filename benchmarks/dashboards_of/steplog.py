"""steplog's own dashboard."""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.dashboards_of.contract import Client, Told

if TYPE_CHECKING:
    from benchmarks.dashboard_jobs import LongRun


class Steplog:
    """`steplog ui`; a chart of a thousand buckets, asked for until no run is pending."""

    name = "steplog"
    requirements = (".",)
    settings = "steplog ui; GET /api/runs (gzip), POST /api/series of 1,000 buckets until nothing is pending"
    environment: Mapping[str, str] = {}

    def log_long(self, folder: Path, runs: "Iterable[LongRun]") -> list[str]:
        """Through the code that seals segments, column by column."""
        from benchmarks.dashboard_data import long_runs

        return long_runs(folder, list(runs))

    def command(self, folder: Path, port: int) -> list[str]:
        """As on the command line."""
        return ["-m", "tracker.cli", "ui", str(folder), "--port", str(port)]

    def ready(self, client: Client, metric: str, run_ids: Sequence[str]) -> None:
        """The session's token is that of a page."""
        del metric, run_ids
        client.headers["X-Steplog-Token"] = json.loads(client.get("/api/session"))["token"]

    def ask(self, client: Client, question: str, metric: str, run_ids: Sequence[str]) -> list[bytes]:
        """One request, and for a chart as many more as it takes until all runs are decoded."""
        if question == "table":
            client.headers["Accept-Encoding"] = "gzip"
            return [client.get("/api/runs")]
        while True:
            body = client.post("/api/series", {"runs": list(run_ids), "key": metric, "buckets": 1000})
            if not _header(body)["partial"]:
                return [body]

    def told(self, question: str, metric: str, answer: list[bytes]) -> Told:
        """From the columns, or the buckets."""
        del metric
        if question == "table":
            import gzip

            return {"runs": json.loads(gzip.decompress(answer[0]))["count"]}
        import numpy as np

        header = _header(answer[0])
        numbers = np.frombuffer(answer[0], "<f8", offset=4 + struct.unpack_from("<I", answer[0])[0])
        highest = [
            np.nanmax(numbers[run["at"] + run["n"] : run["at"] + 2 * run["n"]])  # y of a raw run, max of buckets
            for run in header["runs"]
        ]
        points = sum(run["points"] for run in header["runs"])
        return {"runs": len(highest), "points": points, "highest": float(max(highest))}


def _header(body: bytes) -> Told:
    (length,) = struct.unpack_from("<I", body)
    found: Told = json.loads(body[4 : 4 + length])
    return found


TOOL = Steplog()
