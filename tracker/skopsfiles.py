"""skops files: scikit-learn's estimators without pickle, as a zip of arrays and a tree of named types.

A type outside the trusted set is named, and not made without trust. The set is skops' own, some plain holders of
scikit-learn's, boosters, and decision trees, which are looked at after they are made (see treecheck).
"""

from pathlib import Path
from typing import Any

from tracker.treecheck import CHECKED_TYPES

# Beyond skops' own list: holders of plain attributes, whose making runs no code; of scikit-learn, and our engine's.
_PLAIN_TYPES = frozenset(
    {
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.GroupKFold",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.ShuffleSplit",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.model_selection._split.StratifiedShuffleSplit",
        "sklearn.model_selection._split.TimeSeriesSplit",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.utils._bunch.Bunch",
        "tracker.training.ensemble.Stack",
        "tracker.training.ensemble.StackedEnsemble",
        "tracker.training.ensemble.WeightedEnsemble",
        "tracker.training.model.TableClassifier",
        "tracker.training.model.TableRegressor",
        "tracker.training.tablecoder.TableCoder",
    }
)


# Boosters inside of pipelines, and LightGBM's own classes: plain holders of a Booster, which reads its text or bytes by
# the library's own parser, as it reads the library's own file.
_BOOSTERS = frozenset(
    {
        "collections.OrderedDict",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRanker",
        "lightgbm.sklearn.LGBMRegressor",
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRFClassifier",
        "xgboost.sklearn.XGBRFRegressor",
        "xgboost.sklearn.XGBRanker",
        "xgboost.sklearn.XGBRegressor",
    }
)


def is_sklearn(model: object) -> bool:
    """Whether it is an estimator of scikit-learn's, or derived from one."""
    return any(base.__module__.partition(".")[0] == "sklearn" for base in type(model).__mro__)


def save_skops(model: Any, file: Path) -> None:
    """Write an estimator. Raises: whatever skops raises for what it can't write or read back."""
    import skops.io

    skops.io.dump(model, file)
    load_skops(file, "")  # it also writes what it can't read back: lambdas, locks; better found out now


def load_skops(file: Path, _kind: str) -> object:
    """Make what is in the file, whatever its types: only for a file that is trusted."""
    import skops.io

    return skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))


def load_trusted_types(file: Path, _kind: str) -> object:
    """Make what is in the file, of trusted types only, also if it was replaced since `untrusted_types` was asked.

    Raises: skops.io.exceptions.UntrustedTypesFoundException, before anything is made.
    """
    import skops.io

    return skops.io.load(file, trusted=sorted(CHECKED_TYPES | _PLAIN_TYPES | _BOOSTERS))


def untrusted_types(file: Path) -> list[str]:
    """List the types in a file that are made only with trust."""
    import skops.io

    return sorted(set(skops.io.get_untrusted_types(file=file)) - CHECKED_TYPES - _PLAIN_TYPES - _BOOSTERS)
