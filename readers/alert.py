"""Alert: one rule that was broken, as it is shown, sent and kept."""

import math
from datetime import UTC, datetime
from typing import NamedTuple


class Alert(NamedTuple):
    """One rule that was broken."""

    time: datetime
    """When what broke it was logged; of a stall, when it was noticed."""
    run_id: str
    experiment: str
    run_name: str | None
    key: str | None
    """The metric; None where the rule is about the run as a whole."""
    rule: str
    words: str
    """What happened, in a sentence's worth."""
    value: float
    """What broke the rule; of a plateau the latest value, of a stall the seconds of silence."""
    step: int | float | None

    def as_dict(self) -> dict[str, object]:
        """In JSON's types: the time as ISO 8601 in UTC, NaN and infinities as "NaN", "Infinity", "-Infinity"."""
        value: object = self.value
        if not math.isfinite(self.value):
            value = "NaN" if math.isnan(self.value) else "Infinity" if self.value > 0 else "-Infinity"
        return {**self._asdict(), "time": self.time.astimezone(UTC).isoformat().replace("+00:00", "Z"), "value": value}

    def __str__(self) -> str:
        where = "" if self.step is None else f"step {self.step}, "
        return f"{self.words} ({where}run {self.run_name or self.run_id}, rule: {self.rule})"
