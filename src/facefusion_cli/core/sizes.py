"""Sizes of files, in words."""

from __future__ import annotations

__all__ = ["in_words"]


def in_words(size: int) -> str:
    """``size`` in bytes as people say it, in powers of 1000: "554.3 MB"."""
    if size < 1000:
        return f"{size} B"
    amount = float(size)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.95:  # what would be shown as 1000.0
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:.1f} TB"
