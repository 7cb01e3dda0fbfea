"""What another tracker would keep and this one doesn't: it stops nothing, and it is said once a process."""

import warnings

_said: set[str] = set()


def say_not_kept(what: str, instead: str = "") -> None:
    """Warn that a thing isn't kept, the first time that it is met.

    Args:
        what: that thing, as the script calls it: "add_graph".
        instead: what is kept in its place, or what to do, as a sentence.
    """
    if what in _said:
        return
    _said.add(what)
    words = f"steplog doesn't keep {what}" + (f"; {instead}" if instead else "")
    warnings.warn(f"{words}. The script goes on (said once)", stacklevel=4)


def forget_said() -> None:
    """Say each thing once more."""
    _said.clear()
