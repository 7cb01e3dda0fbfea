"""TensorBoard."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from benchmarks.dashboards_of.contract import Client, Told
from benchmarks.queries_of.tensorboard import TOOL as QUERIED

if TYPE_CHECKING:
    from benchmarks.dashboard_jobs import LongRun

_LOOKED_AT = 50
_WANTED: dict[str, Any] = {
    "experimentName": "",
    "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
    "startIndex": 0,
    "sliceSize": 1_000_000,
    "colParams": [],
}


class TensorBoard:
    """Its own server. The table is the hparams plugin's session groups; a chart the scalars plugin, one request a run.

    It keeps a sample of 1,000 points of each run and metric, by default and here.
    """

    name = "tensorboard"
    requirements = QUERIED.requirements
    settings = (
        "tensorboard --load_fast=false; hparams session_groups, scalars run by run (1,000 points sampled of each)"
    )
    environment: Mapping[str, str] = {}
    _last: object = None

    def log_long(self, folder: Path, runs: "Iterable[LongRun]") -> list[str]:
        """One event a point."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        ids = []
        for run in runs:
            writer: Any = EventFileWriter(str(folder / run.name), max_queue_size=1000)
            for step, value in enumerate(run.values()):
                summary = Summary(value=[Summary.Value(tag=run.key, simple_value=value)])
                writer.add_event(Event(wall_time=1_700_000_000.0 + step / 100, step=step, summary=summary))
            writer.close()
            ids.append(run.name)
        return ids

    def command(self, folder: Path, port: int) -> list[str]:
        """As on the command line; the Rust loader isn't in its wheels for this Python."""
        serve = ["--logdir", str(folder), "--port", str(port), "--load_fast=false", "--reload_interval=1000000"]
        return ["-m", "tensorboard.main", *serve]

    def ready(self, client: Client, metric: str, run_ids: Sequence[str]) -> None:
        """It answers before it has read its files: wait until all runs are there, and none grows any more."""
        known = json.loads(client.get("/data/plugin/scalars/tags"))
        there = [run for run in run_ids if metric in known.get(run, {})]
        if len(there) < len(run_ids):
            raise OSError(f"{len(there)} runs are loaded")
        some = [urlencode({"run": run, "tag": metric}) for run in run_ids[-_LOOKED_AT:]]
        found = [json.loads(client.get(f"/data/plugin/scalars/scalars?{query}"))[-1] for query in some]
        last, self._last = self._last, found
        if last != found:
            raise OSError("it is loading still")

    def ask(self, client: Client, question: str, metric: str, run_ids: Sequence[str]) -> list[bytes]:
        """One request for the table; of a chart one a run."""
        if question == "table":
            return [client.post("/data/plugin/hparams/session_groups", _WANTED)]
        return [
            client.get("/data/plugin/scalars/scalars?" + urlencode({"run": run_id, "tag": metric}))
            for run_id in run_ids
        ]

    def told(self, question: str, metric: str, answer: list[bytes]) -> Told:
        """Of a chart: [time, step, value] each."""
        del metric
        if question == "table":
            return {"runs": len(json.loads(answer[0])["sessionGroups"])}
        series = [json.loads(body) for body in answer]
        values = [value for points in series for _, _, value in points]
        return {"runs": len(series), "points": len(values), "highest": max(values)}


TOOL = TensorBoard()
