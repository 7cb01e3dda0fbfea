"""The ranks of a run, for its page: where each is, which are stragglers (see readers.stragglers)."""

from typing import Any

from ingest.errors import MetricNotFound
from ingest.objects.names import SNAPSHOT_S
from readers.dashboard.store_view import StoreView
from readers.progress import read_progress
from readers.stragglers import judged

MOST_RANKS = 4_096


def rank_table(view: StoreView, run_id: str, step_time: str | None = None) -> dict[str, Any]:
    """A row a rank, and what the verdicts are worth; see readers.stragglers.RankProgress and Ranks.

    Args:
        step_time: the metric whose means are compared; one that no rank has logged is none, and `step_time` says so.
    """
    try:
        progress = read_progress(view.tables, run_id, None, step_time)
    except MetricNotFound:
        step_time = None
        progress = read_progress(view.tables, run_id)
    found = judged(run_id, progress, step_time, unseen_s=0.0 if view.store.layout.adopts else 2 * SNAPSHOT_S)
    return {
        "metric": found.metric,
        "step_time": step_time,
        "stragglers": list(found.stragglers[:MOST_RANKS]),
        "rows": [one._asdict() for one in found.ranks[:MOST_RANKS]],
        "notes": list(found.notes),
        "count": len(found.ranks),
    }
