"""Text in lines: sentences that fit a terminal, facts under each other."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["fact_lines", "wrapped"]

_MARK, _NAME = 7, 28
"""Widths of the first two columns; names are as wide as the widest of a section, at most this."""
_NARROW = 30
"""Below this many characters for the text it begins on a line of its own."""


def fact_lines(facts: Sequence[tuple[str, str, str]], width: int | None) -> list[str]:
    """Lines for facts (mark, name, text), each beginning with its mark; wrapped at ``width`` unless that is None."""
    names = max((len(name) for _, name, _ in facts if len(name) <= _NAME), default=0)
    lines = []
    for mark, name, text in facts:
        head = f"{mark:<{_MARK}}  {name:<{names}}  "
        if width is None:
            lines.append((head + text).rstrip())
        elif width - len(head) < _NARROW:
            lines.append(head.rstrip())
            lines += wrapped(text, width, " " * (_MARK + 2))
        else:
            first, *rest = wrapped(text, width, " " * len(head))
            lines += [(head + first.lstrip()).rstrip(), *rest]
    return lines


def wrapped(text: str, width: int, indent: str = "", first: str | None = None) -> list[str]:
    """Lines of at most ``width``, at least one, each after ``indent``, the first one after ``first`` if that is given.

    What is longer than a line, such as a path or an address, is not cut in two: it could not be copied.
    """
    return textwrap.wrap(
        text,
        max(width, len(indent) + 10),
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
