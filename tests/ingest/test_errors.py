"""Errors: messages that a terminal can show."""

from ingest.errors import MetricNotFound, RunNotFound


def test_long_names_are_cut_where_they_are_listed() -> None:
    """Both ends of a name stay, for names that only differ at their end; the near ones are cut too."""
    long = [f"run{'x' * 10_000}{number}" for number in range(3)]
    message = str(RunNotFound.among("run", long[0][:-1], [*long, "short"]))
    listed = message.partition("there is: ")[2].split(", ")

    assert len(message) < 10_000 + 600  # what was asked stands there as it was asked
    assert [len(name) for name in listed] == [60, 60, 60, 5]
    assert [name[-1] for name in listed[:3]] == ["0", "1", "2"]


def test_names_of_usual_length_are_listed_whole() -> None:
    """Nothing that one would copy from the message is cut."""
    name = "a" * 60

    assert str(RunNotFound.among("run", "b", [name])) == f"no run 'b'; there is: {name}"


def test_a_slip_of_the_pen_is_asked_back() -> None:
    """What is near comes first, then all there is, then what to do about it."""
    near = MetricNotFound.among("metric", "los", ["accuracy", "loss"], "or sort by name")
    none = MetricNotFound.among("metric", "los", [])

    assert str(near) == "no metric 'los'; did you mean 'loss'? What there is: accuracy, loss; or sort by name"
    assert str(none) == "no metric 'los'; there is no metric at all"
