"""YAML inside a line: scalars, and what stands in quotes or brackets. See yamltext."""

import re
from collections.abc import Callable
from typing import NoReturn

DEEPEST = 50
_NULLS = {"", "~", "null", "Null", "NULL"}
_TRUE = {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"}
_FALSE = {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}
_INT = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|[-+]?\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?")
_SPECIAL = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_WIDTHS = {"x": 2, "u": 4, "U": 8}
NAME = re.compile(r"[&*]([^\s,\[\]{}]+)\s*")


class YamlError(ValueError):
    """The text is not of the kind that is read here; the message names the line."""


def scalar(text: str) -> object:
    """What a plain scalar means."""
    if text in _NULLS:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    digits = text.replace("_", "")
    if _INT.fullmatch(text):
        return _whole(digits)
    if _FLOAT.fullmatch(text):
        return float(digits)
    return float(_SPECIAL[text.lower()]) if text.lower() in _SPECIAL else text


def _whole(digits: str) -> object:
    sign, body = (-1, digits[1:]) if digits[0] == "-" else (1, digits.lstrip("+"))
    base = 2 if body.startswith("0b") else 16 if body.startswith("0x") else 8 if body[0] == "0" and body != "0" else 10
    try:
        return sign * int(body.removeprefix("0b").removeprefix("0x"), base)
    except ValueError:  # nothing but underscores, or too many digits
        return digits


class Flow:
    """What stands in quotes or brackets, and aliases."""

    def __init__(self, text: str, number: int, anchors: dict[str, object]) -> None:
        self._text = text
        self._number = number
        self._anchors = anchors
        self._at = 0
        self._depth = 0
        self.quote = ""
        """The quote that is open where the text ends."""

    def is_whole(self) -> bool:
        """Whether all quotes and brackets are closed."""
        self._at, self.quote = 0, ""
        try:
            self._item()
        except IndexError:
            return False
        return True

    def whole(self) -> object:
        """All of it. Raises: YamlError."""
        self._at = 0
        try:
            found = self._item()
        except IndexError:
            self._refuse("a quote or bracket isn't closed")
        rest = self._text[self._at :].strip(" \t\n")
        if rest and not rest.startswith("#"):
            self._refuse(f"{rest[:40]!r} follows a value")
        return found

    def _refuse(self, why: str) -> NoReturn:
        raise YamlError(f"line {self._number}: {why}")

    def _skip(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in " \t\n":
            self._at += 1

    def _item(self) -> object:
        self._skip()
        self._depth += 1
        if self._depth > DEEPEST:
            self._refuse("it is nested too deep")
        readers: dict[str, Callable[[], object]] = {
            '"': self._double, "'": self._single, "[": self._list, "{": self._dict, "*": self._alias,
        }  # fmt: skip
        found = readers.get(self._text[self._at], self._plain)()
        self._depth -= 1
        return found

    def _alias(self) -> object:
        match = NAME.match(self._text, self._at)
        if match is None or match[1] not in self._anchors:
            self._refuse("an alias has no anchor before it")
        self._at = match.end()
        return self._anchors[match[1]]

    def _single(self) -> str:
        out = []
        self.quote = "'"
        self._at += 1
        while True:
            end = self._text.index("'", self._at) if "'" in self._text[self._at :] else len(self._text)
            out.append(self._text[self._at : end])
            self._at = end + 1
            if end == len(self._text):
                raise IndexError
            if self._text[self._at : self._at + 1] != "'":
                self.quote = ""
                return "".join(out)
            out.append("'")
            self._at += 1

    def _double(self) -> str:
        out = []
        self.quote = '"'
        self._at += 1
        while (character := self._text[self._at]) != '"':
            self._at += 1
            if character == "\\":
                character = self._escape()
            out.append(character)
        self._at += 1
        self.quote = ""
        return "".join(out)

    def _escape(self) -> str:
        kind = self._text[self._at]
        self._at += 1
        if kind in _WIDTHS:
            digits = self._text[self._at : self._at + _WIDTHS[kind]]
            if len(digits) < _WIDTHS[kind]:
                raise IndexError
            self._at += len(digits)
            try:
                return chr(int(digits, 16))
            except (ValueError, OverflowError):
                self._refuse(f"{digits!r} is no character")
        if kind not in _ESCAPES:
            self._refuse(f"there is no escape \\{kind}")
        return _ESCAPES[kind]

    def _plain(self) -> object:
        start = self._at
        while self._at < len(self._text):
            if self._depth > 1 and self._text[self._at] in ",[]{}":
                break
            if self._text[self._at] == ":" and self._text[self._at + 1 : self._at + 2] in {" ", "", ",", "}"}:
                break
            self._at += 1
        text = self._text[start : self._at].strip(" \t\n")
        if text[:1] in {"!", "&"} or (not text and self._at < len(self._text) and self._text[self._at] not in ",]}:"):
            self._refuse(f"{text!r} isn't plain data, and isn't read")
        return scalar(text)

    def _list(self) -> list[object]:
        items: list[object] = []
        self._at += 1
        self._skip()
        while self._text[self._at] != "]":
            items.append(self._item())
            self._comma("]")
        self._at += 1
        return items

    def _dict(self) -> dict[object, object]:
        found: dict[object, object] = {}
        self._at += 1
        self._skip()
        while self._text[self._at] != "}":
            key = self._item()
            if isinstance(key, list | dict):
                self._refuse("a name is a list or dict")
            self._skip()
            found[key] = None
            if self._text[self._at] == ":":
                self._at += 1
                self._skip()
                found[key] = None if self._text[self._at] in ",}" else self._item()
            self._comma("}")
        self._at += 1
        return found

    def _comma(self, end: str) -> None:
        self._skip()
        if self._text[self._at] == ",":
            self._at += 1
            self._skip()
        elif self._text[self._at] != end:
            self._refuse(f"{self._text[self._at]!r} stands where a comma should be")
