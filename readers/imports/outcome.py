"""What an import did, for people and programs."""

import msgspec


class ImportReport(msgspec.Struct):
    """What an import did."""

    runs: int = 0
    """Runs that came in, as new ones."""
    continued: int = 0
    """Runs that were here before, in part or whole, and have got what was new."""
    unchanged: int = 0
    """Runs that were here already."""
    left_out: int = 0
    """Runs that could not be read."""
    points: int = 0
    artifacts: int = 0
    artifact_bytes: int = 0
    experiments: dict[str, int] = {}
    """Runs that came in or got something, by experiment."""
    problems: list[str] = []
    """What could not be read and is left out: where, why, what to do."""
    notes: list[str] = []
    """What was left out on purpose."""
