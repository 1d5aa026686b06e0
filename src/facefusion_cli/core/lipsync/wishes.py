"""Texts of what the user may choose of a lip sync, read."""

from __future__ import annotations

import re
from fractions import Fraction

from facefusion_cli.core.lipsync.options import Pads
from facefusion_cli.errors import UsageError

__all__ = ["pads_of", "rate_of"]

_RATE = re.compile(r"\d{1,6}(?:\.\d{1,9})?|\d{1,9}/\d{1,9}", re.ASCII)
_PERCENT = re.compile(r"-?\d{1,3}(?:\.\d{1,6})?", re.ASCII)


def rate_of(text: str, name: str) -> Fraction:
    """Frames a second: "25", "30000/1001"; "29.97" is rounded and means that.

    ``name`` is what the caller's user knows it by: an option, a field; likewise below.

    Raises:
        UsageError: it is no rate.
    """
    word = text.strip()
    if not _RATE.fullmatch(word) or word.endswith("/0") or not Fraction(word):
        raise UsageError(f'"{text}" is no rate.', hint=f"{name} takes frames a second such as 25, 29.97 or 30000/1001.")
    return Fraction(word)


def pads_of(text: str, name: str) -> Pads:
    """Four numbers of percent.

    Raises:
        UsageError: it is not that.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 4 or not all(map(_PERCENT.fullmatch, parts)):
        raise UsageError(
            f'"{text}" are no pads.', hint=f"{name} takes four numbers, top, bottom, left and right, such as 0,5,0,0."
        )
    top, bottom, left, right = (float(part) / 100 for part in parts)
    return Pads(top, bottom, left, right)
