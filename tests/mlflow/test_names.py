"""Any name has a form that MLflow takes, its own, and one that can be undone."""

import mlflow.utils.validation as rules
import pytest
from hypothesis import given
from hypothesis import strategies as st

from readers.mlflow.names import MAX_NAME, experiment_name, is_cut, metric_name, original, tag_name

ODD = ["a=b", "_x3D_", "_x4=", "_x", "_x_", "/abs", "a//b", "..", "a/../b", "a/", "./a", "é/ü", "\U0001f600", "a:b"]


def taken(name: str) -> bool:
    """Whether MLflow takes a name."""
    return bool(rules.validate_param_and_metric_name(name)) and not rules.path_not_unique(name)


@pytest.mark.parametrize("name", ["loss", "val/accuracy", "epoch_1/train loss", "a.b-c_d", "pos_x1", "train_xent"])
def test_an_ordinary_name_stays(name: str) -> None:
    """What MLflow takes, it gets."""
    assert metric_name(name) == tag_name(name) == name


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_comes_back(name: str) -> None:
    """Characters and paths that MLflow refuses."""
    assert taken(metric_name(name))
    assert original(metric_name(name)) == name


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20) | st.text("_x3DF=/. a", min_size=1))
def test_any_name_comes_back(name: str) -> None:
    """Whatever its characters; so two names never become one."""
    written = metric_name(name)

    assert taken(written)
    assert is_cut(name) == (len(written) == MAX_NAME and original(written) != name)
    assert is_cut(name) or original(written) == name


def test_a_long_name_is_cut_and_keeps_its_own_hash() -> None:
    """Two that differ in the end only stay apart."""
    names = [metric_name("k" * 5000 + end) for end in "ab"]

    assert len({*names}) == 2
    assert all(len(name) == MAX_NAME and taken(name) for name in names)
    assert is_cut("k" * 5000)
    assert len(experiment_name("e" * 5000)) == 500


def test_a_users_tag_is_none_of_ours() -> None:
    """`steplog.run_id` set by a user doesn't stand in for ours."""
    assert tag_name("steplog.run_id") == "_x73_teplog.run_id"
    assert original(tag_name("steplog.run_id")) == "steplog.run_id"
