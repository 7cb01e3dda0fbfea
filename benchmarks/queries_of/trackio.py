"""Trackio: SQLite, the metrics of a step as one JSON text."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.contract import NUMPY
from benchmarks.queries_of.contract import Told

if TYPE_CHECKING:
    from benchmarks.query_data import Run

_ALL = 1_000_000_000
_LAST = "SELECT run_id, metrics, MAX(step) AS step FROM metrics GROUP BY run_id"
"""SQLite takes the other columns from the row that has the maximum."""


class Trackio:
    """A local project, filled by `SQLiteStorage.bulk_log`.

    Asked in SQL, as `trackio query` does, and for the params by `get_all_run_configs`: the ways through `get_logs`
    read every run's whole history for each question.
    """

    name = "trackio"
    requirements = ("trackio==0.43.0", NUMPY)
    settings = "local (SQLite); read-only SQL as `trackio query`, get_all_run_configs"
    environment: Mapping[str, str] = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    questions = ("table", "history", "best", "compare")

    def create(self, folder: Path, runs: "Iterable[Run]") -> list[str]:
        """One bulk call a run."""
        self.open(folder)
        ids = []
        for run in runs:
            steps, metrics = zip(*run.calls(), strict=True)
            self._storage.bulk_log("bench", run.name, list(metrics), list(steps), config=run.params, run_id=run.name)
            ids.append(run.name)
        return ids

    def open(self, folder: Path) -> None:
        """Import; the folder is told by the environment, which is read at import."""
        os.environ["TRACKIO_DIR"] = str(folder)
        from trackio.sqlite_storage import SQLiteStorage

        self._storage: Any = SQLiteStorage

    def ask(self, question: str, metric: str, run_ids: Sequence[str]) -> Any:
        """A list of dicts."""
        if question == "table":
            return self._rows(_LAST, self._storage.get_all_run_configs("bench"))
        if question == "compare":
            some = ", ".join(f"'{run_id}'" for run_id in run_ids)
            configs = {run_id: self._storage.get_run_config("bench", run_id, run_id) for run_id in run_ids}
            return self._rows(_LAST.replace("GROUP BY", f"WHERE run_id IN ({some}) GROUP BY"), configs)
        value = f"""json_extract(CAST(metrics AS TEXT), '$."{metric}"')"""
        if question == "best":
            last = f"SELECT run_id, {value} AS value FROM ({_LAST})"  # noqa: S608 - names of this benchmark
            return self._sql(f"{last} ORDER BY value DESC LIMIT 1")[0]
        return self._sql(f"SELECT run_id, step, {value} AS value FROM metrics")  # noqa: S608

    def told(self, question: str, metric: str, answer: Any) -> Told:
        """The answer in plain numbers."""
        del metric
        if question == "history":
            return {
                "points": len(answer),
                "steps": sum(row["step"] for row in answer),
                "values": sum(row["value"] for row in answer),
            }
        if question == "best":
            return {"run": answer["run_id"], "value": answer["value"]}
        return {
            "runs": len({row["run_id"] for row in answer}),
            "params": sum(1 for row in answer for name in row["params"] if not name.startswith("_")),
            "lr": sum(row["params"]["lr"] for row in answer),
            "metrics": sum(sum(row["metrics"].values()) for row in answer),
        }

    def _rows(self, sql: str, configs: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Runs with their params and last metrics."""
        import orjson

        return [
            {"run_id": row["run_id"], "params": configs[row["run_id"]], "metrics": orjson.loads(row["metrics"])}
            for row in self._sql(sql)
        ]

    def _sql(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._storage.query_project("bench", query, max_rows=_ALL)["rows"]
        return found


TOOL = Trackio()
