"""wandb.termlog and its like: lines on standard error."""

import sys

_printed: set[str] = set()


def termlog(string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print a line; with repeat=False only once."""
    _print(string, newline=newline, repeat=repeat, prefix="wandb: " if prefix else "")


def termwarn(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print a warning."""
    _print(f"WARNING {string}", newline=newline, repeat=repeat, prefix="wandb: " if prefix else "")


def termerror(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print an error."""
    _print(f"ERROR {string}", newline=newline, repeat=repeat, prefix="wandb: " if prefix else "")


def _print(text: str, *, newline: bool, repeat: bool, prefix: str) -> None:
    if not repeat and text in _printed:
        return
    _printed.add(text)
    sys.stderr.write(f"{prefix}{text}" + ("\n" if newline else ""))
