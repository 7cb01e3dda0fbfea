"""What a filter says: its words, and its conditions as a tree.

    filter     any
    any        all ("OR" all)*                    also ||
    all        one ("AND" one)*                   also &&
    one        "NOT" one | "(" any ")" | condition
    condition  operand (= == != <> < <= > >=) operand
               operand ["NOT"] "BETWEEN" operand "AND" operand
               name ["NOT"] "IN" "(" value, ... ")"
               name ["NOT"] ("LIKE" | "ILIKE") 'text'
               name "IS" ["NOT"] ("NULL" | "NAN" | "TRUE" | "FALSE")
               name                               alone, where it is true or false
    operand    name | value
    name       word ("." word)*                   a word in "..." or `...` may hold anything
    value      'text' | number | TRUE | FALSE | NULL | NAN | INF

There is no arithmetic, so a bare name may hold / : @ + and -, as val/loss does. As in MLflow, a "..." that stands alone
on the right of a comparison is a text and no name; a name there is written in `...` or with its kind (metrics."a b").
Depth is bounded here and "and" and "or" are flat, so no filter can exhaust a stack, ours or Polars'.
"""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from readers.filtertree import Compared, Condition, Constant, Is, Joined, Like, Name, Not, Operand, Value

MAX_LENGTH = 10_000
"""Characters of a filter."""
MAX_DEPTH = 50
"""Parentheses and NOTs inside each other."""


class FilterInvalid(ValueError):
    """The text is no filter, or compares what can't be compared; the message says where and what fits."""


_WORD, _QUOTED = r"[^\W\d][\w/:@+-]*", r'"(?:[^"]|"")*"|`(?:[^`]|``)*`'
_TOKEN = re.compile(
    rf"""\s*(?:
      (?P<number>[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?i:inf|infinity|nan))(?![\w./:@"`]))
    | (?P<name>(?:{_WORD}|{_QUOTED})(?:\.(?:[\w/:@+-]+|{_QUOTED}))*)
    | (?P<text>'(?:[^']|'')*')
    | (?P<sign><=|>=|<>|!=|==|&&|\|\||[=<>(),])
    )""",
    re.VERBOSE,
)
_PART = re.compile(rf"{_QUOTED}|[^.]+")
_KEYWORDS = frozenset(["AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "IS", "BETWEEN", "NULL", "NONE", "TRUE", "FALSE"])
_CONSTANTS: dict[str, Value] = {"NULL": None, "NONE": None, "TRUE": True, "FALSE": False}
_SAME = {"==": "=", "<>": "!=", "&&": "AND", "||": "OR"}
_SIGNS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


class _Token(NamedTuple):
    kind: str
    """number, name, text, or sign, under which keywords are too; "end" behind the last."""
    text: str
    place: int


def parse(text: str) -> Condition:
    """Read a filter.

    Raises: FilterInvalid: it is none. TypeError: it is no text.
    """
    if not isinstance(text, str):
        raise TypeError(f'a filter is a text such as "metrics.accuracy > 0.9", not {type(text).__name__}')
    if len(text) > MAX_LENGTH:
        raise FilterInvalid(f"the filter has {len(text):,} characters; at most {MAX_LENGTH:,} are read")
    return _Parser(list(_tokens(text))).whole()


def _tokens(text: str) -> Iterator[_Token]:
    place, end = 0, len(text.rstrip())
    while place < end:
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            rest = text[place:].lstrip()
            what = "a quote that isn't closed" if rest[0] in "'\"`" else repr(rest[:12])
            raise FilterInvalid(f"the filter can't be read at character {len(text) - len(rest) + 1}: {what}")
        word, kind = found[found.lastgroup], found.lastgroup
        if kind == "name" and word.upper() in _KEYWORDS:
            kind, word = "sign", word.upper()
        yield _Token(kind, _SAME.get(word, word) if kind == "sign" else word, found.start(found.lastgroup))
        place = found.end()
    yield _Token("end", "", len(text))


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Condition:
        found = self._joined("OR")
        if self._now.kind != "end":
            raise self._expected("AND, OR or the end")
        return found

    def _joined(self, by: str) -> Condition:
        parts = [self._part(by)]
        while self._take(by):
            parts.append(self._part(by))
        return parts[0] if len(parts) == 1 else Joined(by.lower(), tuple(parts))

    def _part(self, by: str) -> Condition:
        return self._joined("AND") if by == "OR" else self._one()

    def _one(self) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FilterInvalid(f"the filter is nested deeper than {MAX_DEPTH} levels")
        found = self._nested()
        self._depth -= 1
        return found

    def _nested(self) -> Condition:
        if self._take("NOT"):
            return Not(self._one())
        if self._take("("):
            inner = self._joined("OR")
            self._need(")")
            return inner
        return self._condition()

    def _condition(self) -> Condition:
        left = self._operand(first=True)
        if self._now.kind == "sign" and self._now.text in _SIGNS:
            return _compared(left, self._next().text, self._operand())
        negated = self._take("NOT")
        if self._take("BETWEEN"):
            found = self._between(left)
        elif isinstance(left, Constant):
            raise self._expected("a comparison (=, !=, <, <=, >, >=)")
        else:
            found = self._of_name(left, negated=negated)
        return Not(found) if negated else found

    def _between(self, operand: Operand) -> Condition:
        low = self._operand()
        self._need("AND")
        return Joined("and", (_compared(operand, ">=", low), _compared(operand, "<=", self._operand())))

    def _of_name(self, name: Name, *, negated: bool) -> Condition:
        if self._take("IN"):
            self._need("(")
            found: list[Condition] = [Compared(name, "=", self._constant())]
            while self._take(","):
                found.append(Compared(name, "=", self._constant()))
            self._need(")")
            return Joined("or", tuple(found))
        for word in ("LIKE", "ILIKE"):
            if self._take(word):
                pattern = self._constant().value
                if not isinstance(pattern, str):
                    raise FilterInvalid(f"{word} takes a text in quotes, as in {word} 'trial-%'")
                return Like(name, pattern, word == "ILIKE")
        if negated:
            raise self._expected("IN, LIKE, ILIKE or BETWEEN")
        if self._take("IS"):
            opposite = self._take("NOT")
            state = Is(name, self._state())
            return Not(state) if opposite else state
        return Is(name, "TRUE")

    def _state(self) -> str:
        word = self._now.text.upper()
        if word not in {"NULL", "NONE", "NAN", "TRUE", "FALSE"}:
            raise self._expected("NULL, NAN, TRUE or FALSE")
        self._at += 1
        return "NULL" if word == "NONE" else word

    def _constant(self) -> Constant:
        found = self._operand()
        if isinstance(found, Name):
            raise FilterInvalid(f"a value was expected, and {str(found)!r} is a name; put texts in single quotes")
        return found

    def _operand(self, *, first: bool = False) -> Operand:
        token = self._now
        if token.kind == "number":
            found: Operand = Constant(_number(token.text))
        elif token.kind == "text":
            found = Constant(token.text[1:-1].replace("''", "'"))
        elif token.kind == "name":
            parts = tuple(map(_unquoted, _PART.findall(token.text)))
            text_of_mlflow = not first and len(parts) == 1 and token.text[0] == '"'
            found = Constant(parts[0]) if text_of_mlflow else Name(parts)
        elif token.kind == "sign" and token.text in _CONSTANTS:
            found = Constant(_CONSTANTS[token.text])
        else:
            raise self._expected("a name" if first else "a name or a value")
        self._at += 1
        return found

    @property
    def _now(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, word: str) -> bool:
        taken = self._now.kind == "sign" and self._now.text == word
        self._at += taken
        return taken

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise self._expected(repr(word))

    def _expected(self, what: str) -> FilterInvalid:
        found = "it ends" if self._now.kind == "end" else f"there is {self._now.text!r}"
        return FilterInvalid(f"the filter needs {what} at character {self._now.place + 1}, where {found}")


def _compared(left: Operand, sign: str, right: Operand) -> Compared:
    """The comparison with its name on the left."""
    if isinstance(left, Name):
        return Compared(left, sign, right)
    if isinstance(right, Name):
        return Compared(right, _TURNED.get(sign, sign), left)
    raise FilterInvalid(f"{left.value!r} {sign} {right.value!r} compares two values, and no name of a run")


def _unquoted(part: str) -> str:
    quote = part[0]
    return part[1:-1].replace(quote * 2, quote) if quote in '"`' else part


def _number(text: str) -> int | float:
    """A whole number that 64 bits hold as an int, anything else as a float."""
    value = float(text)
    if not math.isfinite(value) or not text.lstrip("+-").isdecimal():
        return value
    whole = int(text)
    return whole if -(2**63) <= whole < 2**63 else value
