"""YAML as trackers write it (hparams.yaml, meta.yaml, config.yaml), read without PyYAML.

That is what `yaml.dump` gives for plain data: mappings and sequences as blocks or in brackets, plain and quoted texts
over several lines, anchors and their aliases; scalars mean what they mean to PyYAML (YAML 1.1). A tuple is a list.
Whatever else stands there, objects of Python above all, is refused with its line, and nothing is ever run. Times stay
text. Source: yaml.org/spec/1.1.
"""

import re
from typing import NamedTuple, NoReturn

from readers.imports.yamlflow import DEEPEST, NAME, Flow, YamlError, scalar

_MOST_LINES, _LONGEST = 1_000, 1 << 20
"""Of one value in quotes or brackets: it is looked at anew with each line."""
_TUPLE = re.compile(r"!!python/tuple\b\s*")


class _Line(NamedTuple):
    number: int
    indent: int
    text: str


def read_yaml(text: str) -> object:
    """The one document of a text. Raises: YamlError."""
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        self._lines: list[_Line] = []
        for number, raw in enumerate(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")), 1):
            stripped = raw.strip(" \t")
            self._lines.append(_Line(number, len(raw) - len(raw.lstrip(" ")), stripped))
        self._at = 0
        self._anchors: dict[str, object] = {}
        self._depth = 0

    def document(self) -> object:
        line = self._peek()
        if line is not None and (line.text == "---" or line.text.startswith("--- ")):
            self._lines[self._at] = line._replace(text=line.text[3:].strip(" \t"))
        found = self._node(-1)
        line = self._peek()
        if line is not None and line.text != "...":
            self._refuse(line.number, "something follows the document")
        return found

    # --- lines

    def _peek(self) -> _Line | None:
        """The next line that says something."""
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.text and not line.text.startswith("#"):
                return line
            self._at += 1
        return None

    def _refuse(self, number: int, why: str) -> NoReturn:
        raise YamlError(f"line {number}: {why}")

    # --- blocks

    def _node(self, parent: int, *, beside: bool = False) -> object:
        """The block below a line of the given indent; a sequence may also stand `beside` it."""
        line = self._peek()
        if line is None or line.text == "...":
            return None
        if line.indent <= parent and not (beside and line.indent == parent and _is_item(line.text)):
            return None
        if line.text == "?" or line.text.startswith("? "):
            self._refuse(line.number, "a name behind '?' isn't read here")
        self._depth += 1
        if self._depth > DEEPEST:
            self._refuse(line.number, "it is nested too deep")
        try:
            if _is_item(line.text):
                return self._sequence(line.indent)
            if _key_end(line.text) >= 0 and line.text[0] not in "[{":
                return self._mapping(line.indent)
            self._at += 1
            return self._value(line, line.text, line.indent - 1)
        finally:
            self._depth -= 1

    def _sequence(self, indent: int) -> list[object]:
        items: list[object] = []
        while (line := self._peek()) is not None and line.indent == indent and _is_item(line.text):
            rest = line.text[1:].lstrip(" ")
            inner = indent + len(line.text) - len(rest)
            if not rest or rest.startswith("#"):
                self._at += 1
                items.append(self._node(indent))
            elif _is_item(rest) or (rest[0] not in "[{&*!|>" and _key_end(rest) >= 0):
                self._lines[self._at] = _Line(line.number, inner, rest)
                items.append(self._node(indent))
            else:
                self._at += 1
                items.append(self._value(line, rest, indent))
        self._check_indent(indent)
        return items

    def _mapping(self, indent: int) -> dict[object, object]:
        found: dict[object, object] = {}
        while (line := self._peek()) is not None and line.indent == indent and not _is_item(line.text):
            end = _key_end(line.text)
            if end < 0:
                if line.text == "...":
                    break
                self._refuse(line.number, f"{line.text[:40]!r} is no 'name: value'")
            key = self._key(line, line.text[:end].rstrip(" \t"))
            self._at += 1
            found[key] = self._value(line, line.text[end + 1 :].lstrip(" \t"), indent, beside=True)
        self._check_indent(indent)
        return found

    def _check_indent(self, indent: int) -> None:
        line = self._peek()
        if line is not None and line.indent > indent:
            self._refuse(line.number, "its indent fits nothing above it")

    def _key(self, line: _Line, text: str) -> object:
        if text[:1] in {'"', "'"}:
            flow = Flow(text, line.number, self._anchors)
            return flow.whole()
        if text[:1] in {"!", "&", "*", "[", "{"}:
            self._refuse(line.number, f"a name that begins with {text[0]!r} isn't read here")
        return scalar(text)

    def _value(self, line: _Line, text: str, indent: int, *, beside: bool = False) -> object:
        """What stands behind a name or a dash, on this line and those below."""
        name = ""
        while text[:1] in {"&", "!"}:
            match = NAME.match(text) if text[0] == "&" else _TUPLE.match(text)
            if match is None:
                self._refuse(line.number, f"{text.split(maxsplit=1)[0]!r} isn't plain data, and isn't read")
            name = match[1] if text[0] == "&" else name
            text = text[match.end() :]
        if not text or text.startswith("#"):
            found = self._node(indent, beside=beside)
        elif text[0] in "|>":
            found = self._block_text(line, text, indent)
        else:
            found = self._inline(line, text, indent)
        if name:
            self._anchors[name] = found
        return found

    def _inline(self, line: _Line, text: str, indent: int) -> object:
        """A scalar, or what stands in brackets; perhaps over several lines."""
        if text[0] in "\"'[{*":
            while not (flow := Flow(text, line.number, self._anchors)).is_whole() and self._at < len(self._lines):
                text = _folded(text, flow.quote, self._lines[self._at].text)
                self._at += 1
                if len(text) > _LONGEST or self._at - line.number > _MOST_LINES:
                    self._refuse(line.number, "a value goes on over too many lines")
            return Flow(text, line.number, self._anchors).whole()
        if text[0] in "%@`":
            self._refuse(line.number, f"a value can't begin with {text[0]!r}")
        parts = [_uncommented(text)]
        while (following := self._peek()) is not None and following.indent > indent:
            if following.text == "...":
                break
            if parts[0] != text or _key_end(following.text) >= 0:
                self._refuse(following.number, "its indent fits nothing above it")
            parts.append(_uncommented(following.text))
            self._at += 1
        return scalar(parts[0]) if len(parts) == 1 else " ".join(parts)

    def _block_text(self, line: _Line, text: str, indent: int) -> str:
        """Text of several lines behind | or >."""
        if not re.fullmatch(r"[|>][-+]?(\s+#.*)?", text):
            self._refuse(line.number, f"text behind {text!r} isn't read here")
        start = self._at
        while self._at < len(self._lines):
            following = self._lines[self._at]
            if following.text and following.indent <= indent:
                break
            self._at += 1
        rows = self._lines[start : self._at]
        inner = min((row.indent for row in rows if row.text), default=0)
        texts = [" " * (row.indent - inner) + row.text if row.text else "" for row in rows]
        while texts and not texts[-1]:
            texts.pop()
        joined = ("\n" if text[0] == "|" else " ").join(texts)
        return joined if text[1:2] == "-" or not texts else joined + "\n"


def _is_item(text: str) -> bool:
    return text == "-" or text.startswith("- ")


def _key_end(text: str) -> int:
    """Where the colon behind a name is; -1 when the line has none."""
    at = 0
    if text[:1] in {'"', "'"}:
        quote, at = text[0], 1
        while at < len(text) and (text[at] != quote or text[at : at + 2] == "''"):
            at += 2 if text[at] == quote or (text[at] == "\\" and quote == '"') else 1
        at += 1
        rest = text[at:].lstrip(" ")
        at = len(text) - len(rest)
        return at if rest == ":" or rest.startswith(": ") else -1
    match = re.search(r":([ \t]|$)|[ \t]#", text)
    return -1 if match is None or match[0][0] != ":" else match.start()


def _uncommented(text: str) -> str:
    return re.split(r"[ \t]#", text, maxsplit=1)[0].rstrip(" \t")


def _folded(text: str, quote: str, following: str) -> str:
    """A text in quotes with its next line: a backslash at the end takes the break away, an empty line is a break."""
    if quote == '"' and (len(text) - len(text.rstrip("\\"))) % 2:
        return text[:-1] + following
    if not following:
        return text.rstrip(" ") + "\n"
    return text + ("" if text.endswith("\n") else " ") + following
