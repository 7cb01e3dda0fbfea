"""What `automl` does in a tool's process: fit on an outer fold's training rows, score on its test rows."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.automl_data import load

if TYPE_CHECKING:
    from benchmarks.automl_of.contract import Fitter


def fitting(tool: "Fitter", job: dict[str, Any]) -> dict[str, Any]:
    """Fit and score one outer fold.

    Returns: the score (less is better for log_loss only), and seconds of the fit by the wall and by the processor,
        imports left out.
    """
    data = load(job["data_set"])
    train, test = split(data, job["repeat"], job["fold"], job["folds"])
    tool.load()
    rows, labels = data.X.iloc[train], data.y[train]
    began, cpu = time.monotonic(), time.process_time()
    model = tool.fit(
        rows,
        labels,
        task=data.task,
        metric=data.metric,
        budget_s=job["budget_s"],
        seed=job["repeat"],
        folder=Path(job["folder"]),
    )
    fit_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
    output = tool.predict(model, data.X.iloc[test], data.task)
    return {
        "score": score(data.y[test], output, data.metric),
        "fit_s": fit_s,
        "fit_cpu_s": cpu_s,
        "predict_s": time.monotonic() - began - fit_s,
        "chosen": tool.chosen(model),
        "rows": len(data.y),
    }


def split(data: Any, repeat: int, fold: int, folds: int) -> tuple[Any, Any]:
    """Give the row numbers to train on and to test on: the same for every tool."""
    from sklearn.model_selection import KFold, StratifiedKFold

    kind = KFold if data.task == "regression" else StratifiedKFold
    return list(kind(folds, shuffle=True, random_state=repeat).split(data.X, data.y))[fold]  # type: ignore[no-any-return]


def score(y: Any, output: Any, metric: str) -> float:
    """Score test rows, by scikit-learn."""
    import numpy as np
    from sklearn import metrics

    output = np.asarray(output, dtype=float)
    if metric == "roc_auc":
        return float(metrics.roc_auc_score(y, output[:, 1]))
    if metric == "log_loss":
        return float(metrics.log_loss(y, output, labels=range(output.shape[1])))
    return float(metrics.r2_score(y, output))
