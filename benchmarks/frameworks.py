"""What each framework's integration costs a training step: trainings of 1,000 steps with it and without, in turns.

The models are as small as they get, so a step is nearly all the framework's own work, and every step is logged (torch:
norms at each 100th). "Without" is with a logger or callback that does nothing, where a framework does work of its own
for any. Times are CPU of the thread that trains, of the quickest of several trainings in turns, as other programs on
the machine only add to them. "begin and end" is what a training of one step takes more.

    python -m benchmarks.frameworks [--steps 1000] [--rounds 5] [torch lightning transformers keras xgboost lightgbm]
"""

import argparse
import logging
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

from benchmarks.table import table
from tracker import ExperimentTracker

Train = Callable[[int, ExperimentTracker | None], object]


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frameworks", nargs="*", default=list(FRAMEWORKS), help="which; default: all")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    os.environ["KERAS_BACKEND"] = "torch"
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    rows = []
    for name in chosen.frameworks:
        print(name, file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder, ExperimentTracker(folder, auto_log=False) as tracker:
            rows.append([name, *_figures(FRAMEWORKS[name](), tracker, chosen.steps, chosen.rounds)])
    print(table(("framework", "step µs", "added µs", "added", "begin and end ms"), rows))


def _figures(train: Train, tracker: ExperimentTracker, steps: int, rounds: int) -> list[str]:
    """Plain step, added per step, its share, and what a training of one step takes more."""
    train(10, None)
    train(10, tracker)

    def quickest(count: int) -> tuple[float, float]:
        pairs = [(_seconds(train, count, None), _seconds(train, count, tracker)) for _ in range(rounds)]
        return min(without for without, _ in pairs), min(with_it for _, with_it in pairs)

    one, one_logged = quickest(1)
    many, many_logged = quickest(steps)
    step, added = many / steps, (many_logged - many) / steps
    return [
        f"{1e6 * step:.0f}",
        f"{1e6 * added:.1f}",
        f"{100 * added / step:+.1f} %",
        f"{1e3 * (one_logged - one):.1f}",
    ]


def _seconds(train: Train, steps: int, tracker: ExperimentTracker | None) -> float:
    start = time.thread_time()
    train(steps, tracker)
    return time.thread_time() - start


def _torch() -> Train:
    import torch

    from tracker.integrations.torch import watch

    torch.set_num_threads(1)
    rows = torch.rand(8, 4)

    def train(steps: int, tracker: ExperimentTracker | None) -> None:
        model = torch.nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        watched = None if tracker is None else watch(model, optimizer, tracker, every=100)
        for _ in range(steps):
            optimizer.zero_grad()
            model(rows).square().mean().backward()
            optimizer.step()
        if watched is not None:
            watched.remove()

    return train


def _lightning() -> Train:
    import torch
    from lightning import pytorch
    from lightning.pytorch.loggers.logger import DummyLogger

    from tracker.integrations.lightning import SteplogLogger

    torch.set_num_threads(1)
    rows = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(64, 4)), batch_size=8)
    module: Any = pytorch.LightningModule

    class Small(module):  # type: ignore[misc] # untyped library
        """One layer."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)

        def training_step(self, batch: Any, _index: int) -> Any:
            loss = self.layer(batch[0]).square().mean()
            self.log("loss", loss)
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.01)

    def train(steps: int, tracker: ExperimentTracker | None) -> None:
        quiet = dict.fromkeys(("enable_progress_bar", "enable_model_summary", "enable_checkpointing"), False)
        logger = DummyLogger() if tracker is None else SteplogLogger(tracker)
        pytorch.Trainer(
            max_steps=steps, max_epochs=-1, logger=logger, log_every_n_steps=1, accelerator="cpu", **quiet
        ).fit(Small(), rows)

    return train


def _transformers() -> Train:
    import torch
    import transformers

    from tracker.integrations.transformers import SteplogCallback

    torch.set_num_threads(1)
    rows = [{"input_ids": [1, 2, 3], "labels": [1, 2, 3]}] * 64
    config = transformers.GPT2Config(n_layer=1, n_head=1, n_embd=4, n_positions=8, vocab_size=8)

    def train(steps: int, tracker: ExperimentTracker | None) -> None:
        with tempfile.TemporaryDirectory() as folder:
            arguments = transformers.TrainingArguments(
                folder,
                max_steps=steps,
                logging_steps=1,
                save_strategy="no",
                report_to="none",
                use_cpu=True,
                disable_tqdm=True,
            )
            callbacks = [] if tracker is None else [SteplogCallback(tracker)]
            model = transformers.GPT2LMHeadModel(config)
            made = transformers.Trainer(model=model, args=arguments, train_dataset=rows, callbacks=callbacks)
            made.remove_callback(transformers.PrinterCallback)
            made.train()

    return train


def _keras() -> Train:
    import keras
    import numpy as np

    from tracker.integrations.keras import SteplogCallback

    X = np.random.default_rng(0).random((8, 4))
    callback: Any = keras.callbacks.Callback

    class Nothing(callback):  # type: ignore[misc] # untyped library
        """Keeps Keras from going on in a second thread, as any callback of batches does."""

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            """Nothing."""

    def train(steps: int, tracker: ExperimentTracker | None) -> None:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=True)
        callbacks = [Nothing() if tracker is None else SteplogCallback(tracker, batch_every=1)]
        model.fit(np.repeat(X, steps, axis=0), np.ones(8 * steps), batch_size=8, verbose=0, callbacks=callbacks)

    return train


def _xgboost() -> Train:
    import numpy as np
    import xgboost

    from tracker.integrations.xgboost import SteplogCallback

    X = np.random.default_rng(0).random((50, 4))
    rows = xgboost.DMatrix(X, X[:, 0])

    def train(steps: int, tracker: ExperimentTracker | None) -> None:
        callbacks = [] if tracker is None else [SteplogCallback(tracker)]
        params = {"nthread": 1, "max_depth": 1}
        xgboost.train(params, rows, steps, evals=[(rows, "train")], verbose_eval=False, callbacks=callbacks)

    return train


def _lightgbm() -> Train:
    import lightgbm
    import numpy as np

    from tracker.integrations.lightgbm import log_evaluation

    X = np.random.default_rng(0).random((200, 4))

    def train(steps: int, tracker: ExperimentTracker | None) -> None:
        rows = lightgbm.Dataset(X, X[:, 0])
        callbacks = [] if tracker is None else [log_evaluation(tracker)]
        params = {"num_threads": 1, "max_depth": 1, "verbosity": -1}
        lightgbm.train(params, rows, steps, valid_sets=[rows], callbacks=callbacks)

    return train


FRAMEWORKS: dict[str, Callable[[], Train]] = {
    "torch": _torch,
    "lightning": _lightning,
    "transformers": _transformers,
    "keras": _keras,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
}


if __name__ == "__main__":
    main()
