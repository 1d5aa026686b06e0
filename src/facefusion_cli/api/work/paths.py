"""Sentences without the paths of this machine, which are nobody's business beyond it."""

from __future__ import annotations

import re

__all__ = ["KNOWN_AS", "without_paths"]

KNOWN_AS = r"(?:(?:the|a) (?:video|output|picture|piece|network|folder|file) )?"
"""What sentences put before the name of a file, and a client reads in its place."""
_IN_QUOTES = re.compile(KNOWN_AS + r'"(?:/|[A-Za-z]:[\\/]|\\\\|~)[^"\n]*"')
_BARE = re.compile(r"(?<![\w/.:<>\"])(?:/|[A-Za-z]:[\\/]|~/)[\w.+@%~-][^\s\"',;]*[^\s\"',;.:)]")


def without_paths(text: str) -> str:
    """A sentence without any path of this machine."""
    return _BARE.sub("a file", _IN_QUOTES.sub("a file", text))
