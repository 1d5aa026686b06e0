"""Times as people write them."""

from __future__ import annotations

import re
from fractions import Fraction

from facefusion_cli.errors import UsageError

__all__ = ["CLOCK", "seconds_of"]

CLOCK = re.compile(r"(?:(\d{1,9}):)?(?:([0-5]?\d):)?(\d{1,9}(?:\.\d{1,20})?)", re.ASCII)


def seconds_of(text: str | None, name: str) -> Fraction | None:
    """A time such as "90", "1:30", "0:01:30.5" in seconds, exactly; None for None.

    ``name`` is what the caller's user knows this time by: an option, a field.

    Raises:
        UsageError: it is none.
    """
    if text is None:
        return None
    match = CLOCK.fullmatch(text.strip())
    if match is None:
        raise UsageError(f'"{text}" is no time.', hint=f"{name} takes seconds such as 12.5, or a time such as 1:02:03.")
    parts = [part for part in (match[1], match[2], match[3]) if part is not None]
    total = Fraction(0)
    for part in parts:
        total = 60 * total + Fraction(part)
    return total
