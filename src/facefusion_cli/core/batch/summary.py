"""What came of a run with many files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Summary"]


@dataclass(slots=True)
class Summary:
    """Counted while the run goes on."""

    made: int = 0
    skipped: int = 0
    """Were made from the same before."""
    reasons: Counter[str] = field(default_factory=Counter)
    """How many failed, by the code of their error."""
    seconds: float = 0.0

    @property
    def failed(self) -> int:
        """How many were not made."""
        return self.reasons.total()
