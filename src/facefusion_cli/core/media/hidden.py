"""Names of the hidden files and folders that we make beside results, and how they are known again."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PREFIX", "is_temporary_name", "is_work_folder_name", "stem_of", "temporary_name", "work_folder_name"]

PREFIX = ".facefusion-"
"""With which all of them begin."""

_STEM = re.escape(PREFIX) + "[0-9a-f]{12}"
_TEMPORARY = re.compile(_STEM + r"-\d+-[0-9a-f]{8}(\.\w+)?")
_WORK_FOLDER = re.compile(_STEM + r"\.work")


def stem_of(result: Path) -> str:
    """The beginning of all names that belong to a result: short, however long its own name is."""
    return PREFIX + hashlib.sha256(os.fsencode(result.name)).hexdigest()[:12]


def temporary_name(result: Path, suffix: str) -> str:
    """A name that no other run takes, for a result that is not whole yet."""
    return f"{stem_of(result)}-{os.getpid()}-{secrets.token_hex(4)}{suffix}"


def work_folder_name(result: Path) -> str:
    """The same for all runs, so that one finds what another has left."""
    return f"{stem_of(result)}.work"


def is_temporary_name(name: str) -> bool:
    """Whether ``temporary_name`` may have made it."""
    return _TEMPORARY.fullmatch(name) is not None


def is_work_folder_name(name: str) -> bool:
    """Whether ``work_folder_name`` may have made it."""
    return _WORK_FOLDER.fullmatch(name) is not None
