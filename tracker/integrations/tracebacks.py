"""Tracebacks as libraries keep them, as text: what was raised."""


def error_of(traceback: str) -> tuple[str, str]:
    """(type, message) of a traceback's text."""
    lines = traceback.strip().splitlines()
    last = max((place for place, line in enumerate(lines) if line.startswith('  File "')), default=-1)
    first = next((place for place in range(last + 1, len(lines)) if not lines[place].startswith(" ")), 0)
    kind, _, message = "\n".join(lines[first:]).partition(": ")
    return kind.rpartition(".")[2].strip() or "Error", message.strip()
