"""The conditions of a filter as a tree."""

from collections.abc import Iterator
from typing import NamedTuple

Value = str | int | float | bool | None


class Name(NamedTuple):
    """A name as it was written, its quotes taken off; `params."a b".c` has the parts "params", "a b", "c"."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.parts)


class Constant(NamedTuple):
    """A text, a number, a boolean, or None for NULL."""

    value: Value


Operand = Name | Constant


class Compared(NamedTuple):
    """Two operands, of which one at least is a name; sign is one of = != < <= > >=."""

    left: Name
    sign: str
    right: Operand


class Like(NamedTuple):
    """A text that fits a pattern, in which % stands for any characters and _ for one."""

    name: Name
    pattern: str
    any_case: bool


class Is(NamedTuple):
    """A name alone (TRUE), or one that is NULL, NAN, TRUE or FALSE."""

    name: Name
    what: str


class Not(NamedTuple):
    """The opposite."""

    condition: "Condition"


class Joined(NamedTuple):
    """Conditions that hold all ("and") or of which one holds ("or")."""

    by: str
    conditions: "tuple[Condition, ...]"


Condition = Compared | Like | Is | Not | Joined


def names(condition: Condition) -> Iterator[Name]:
    """Every name of a condition, in the order of reading."""
    match condition:
        case Compared(left, _, right):
            yield left
            if isinstance(right, Name):
                yield right
        case Not(inner):
            yield from names(inner)
        case Joined(_, conditions):
            for part in conditions:
                yield from names(part)
        case Like() | Is():
            yield condition.name
