"""The demo's study: a small network on scikit-learn's handwritten digits, trained for real over a grid of settings.

Nothing here knows of the tracker: a trial gives one `Epoch` after the other, and whoever asks for them logs them. The
1,797 images are split once, by classes: 60 % train, 20 % validation (what the study selects by), 20 % test (looked at
once, by the model that was selected).
"""

import itertools
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

HIDDEN = ((16,), (32,), (64,), (64, 32))
LEARNING_RATES = (0.0003, 0.001, 0.003, 0.01)
BATCH_SIZES = (32, 128)
ALPHAS = (0.0001, 0.1)


class Trial(NamedTuple):
    """One point of the grid, and the seed of its weights."""

    hidden: tuple[int, ...]
    learning_rate: float
    batch_size: int
    alpha: float
    seed: int

    @property
    def params(self) -> dict[str, Any]:
        """What is worth comparing runs by."""
        layers = "x".join(map(str, self.hidden))
        return {
            "learning_rate": self.learning_rate,
            "hidden": layers,
            "batch_size": self.batch_size,
            "alpha": self.alpha,
            "seed": self.seed,
        }


class Epoch(NamedTuple):
    """What one pass over the training images gave."""

    train_loss: float
    val_loss: float
    val_accuracy: float
    epoch_time: float
    """Seconds of training, without the evaluation."""


class Digits(NamedTuple):
    """The images, shape (n, 64) in 0..1, and their digits, in three parts."""

    train_images: "np.ndarray"
    train_digits: "np.ndarray"
    val_images: "np.ndarray"
    val_digits: "np.ndarray"
    test_images: "np.ndarray"
    test_digits: "np.ndarray"


def load_digits() -> Digits:
    """Load and split the images; the same split every time."""
    from sklearn.datasets import load_digits as bundled
    from sklearn.model_selection import train_test_split

    X, y = bundled(return_X_y=True)
    X = X / 16.0
    train_images, rest_images, train_digits, rest_digits = train_test_split(
        X, y, train_size=0.6, stratify=y, random_state=0
    )
    val_images, test_images, val_digits, test_digits = train_test_split(
        rest_images, rest_digits, test_size=0.5, stratify=rest_digits, random_state=0
    )
    return Digits(train_images, train_digits, val_images, val_digits, test_images, test_digits)


def trials(count: int) -> list[Trial]:
    """The first `count` trials of the shuffled grid; past its end the grid again, with the next seed."""
    import numpy as np

    grid = [Trial(*point, seed=0) for point in itertools.product(HIDDEN, LEARNING_RATES, BATCH_SIZES, ALPHAS)]
    order = np.random.default_rng(0).permutation(len(grid))
    return [grid[order[i % len(grid)]]._replace(seed=i // len(grid)) for i in range(count)]


def one_thread() -> AbstractContextManager[object]:
    """Let the linear algebra use one thread: these matrices are so small that more only wait for each other."""
    from threadpoolctl import threadpool_limits  # scikit-learn requires it, so it is there

    limited: AbstractContextManager[object] = threadpool_limits(1)
    return limited


class Network:
    """The network of one trial."""

    def __init__(self, trial: Trial) -> None:
        from sklearn.neural_network import MLPClassifier

        self.model: MLPClassifier = MLPClassifier(
            hidden_layer_sizes=trial.hidden,
            learning_rate_init=trial.learning_rate,
            batch_size=trial.batch_size,
            alpha=trial.alpha,
            random_state=trial.seed,
        )

    def train(self, data: Digits, epochs: int) -> Iterator[Epoch]:
        """Train epoch by epoch, and look at the validation images after each."""
        from sklearn.metrics import log_loss

        classes = sorted(set(data.train_digits))
        for _ in range(epochs):
            began = time.perf_counter()
            self.model.partial_fit(data.train_images, data.train_digits, classes=classes)
            took = time.perf_counter() - began
            chances = self.model.predict_proba(data.val_images)
            yield Epoch(
                train_loss=float(self.model.loss_),
                val_loss=float(log_loss(data.val_digits, chances, labels=classes)),
                val_accuracy=float((chances.argmax(axis=1) == data.val_digits).mean()),
                epoch_time=took,
            )
