"""YAML as trackers write it means here what it means to PyYAML, and what isn't plain data is refused with its line."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readers.imports.yamlflow import YamlError
from readers.imports.yamltext import read_yaml

yaml = pytest.importorskip("yaml")  # the oracle; comes with MLflow

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=120) | st.text(
    "ab :#-'\"\n\\{}[],&*!|>", max_size=40
)
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40)
SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | TEXTS
DATA = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4))


def same(one: Any, other: Any) -> bool:
    """Equal, NaN included."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(map(same, one.values(), other.values()))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@given(DATA, st.booleans())
def test_what_pyyaml_writes_is_read_as_it_was(data: Any, flow: bool) -> None:
    """Blocks or brackets, names and texts of any kind."""
    text = yaml.safe_dump(data, default_flow_style=flow, sort_keys=False, allow_unicode=True)

    assert same(read_yaml(text), data), text


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "1", "- 1\n- - 2\n  - 3\n- {a: 1, b: [1, 2]}\n", "a: 1\nb:\n  c: 2\n  d:\n  - 1\n  - e: 1\n    f: 2\n",
        "lr: 0.001\neps: 1.0e-08\nwrong: 1e-8\non: off\nn: ~\nhex: 0x1F\noct: 017\nbig: 1_000\n",
        "# comment\n\na: 1 # one\nb: 'it''s # none'\n", "a:\n- 1\n- 2\nb: |\n  x\n   y\nc: >-\n  one\n  two\n",
        "a: &x [1, 2]\nb: *x\n", "---\na: 1\n...\n", "a: long text\n  over lines\nb: 1\n", "'a b': 1\n\"c\\td\": 2\n",
        "a: http://x:80/y\nb: C:\\temp\n", "a: {x: {y: []}}\nb: []\nc: {}\n",
        "\ufeffa: 1\r\nb: 2\r\n", "a: -.inf\nb: .NaN\n",
    ],
)  # fmt: skip
def test_what_people_write_is_read_as_pyyaml_reads_it(text: str) -> None:
    """Comments, anchors, block texts."""
    assert same(read_yaml(text), yaml.safe_load(text))


def test_a_tuple_is_a_list() -> None:
    """Lightning writes betas so."""
    text = yaml.dump({"betas": (0.9, 0.999), "lr": 0.1})

    assert read_yaml(text) == {"betas": [0.9, 0.999], "lr": 0.1}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: !!python/object/apply:os.system ['true']\n", 2), ("a: *nobody", 1), ("a: [1, 2", 1), ("a: 'x", 1),
        ("a: 1\n  b: 2\n", 2), ("a: 1\nb\n", 2), ("? a\n: b\n", 1), ("a: 1\n- b\n", 2), ('a: "\\q"', 1),
        ("a: [" * 99, 1),
        ("[" * 1000, 1), ("\n".join(" " * n + "a:" for n in range(99)), 51), ("a: @x", 1),
        ("a: 'x\n" + "y\n" * 3000, 1),
    ],
)  # fmt: skip
def test_what_is_no_plain_data_is_refused_with_its_line(text: str, line: int) -> None:
    """And nothing is run."""
    with pytest.raises(YamlError, match=rf"^line {line}: "):
        read_yaml(text)


@given(st.text("ab:- \n'\"[]{},#&*!|>\\\t", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """By YamlError alone."""
    try:
        read_yaml(text)
    except YamlError as error:
        assert str(error).startswith("line ")  # noqa: PT017 - either is right
