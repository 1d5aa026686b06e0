"""Places that are remembered from run to run, so that what was left there is found from anywhere; best effort."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from facefusion_cli.core.home import state_folder
from facefusion_cli.errors import UsageError

__all__ = ["JOURNALS", "REGISTRIES", "WORK_FOLDERS", "forget", "remember", "remembered"]

WORK_FOLDERS, JOURNALS = "work-folders", "journals"
"""Folders in the state folder, with a file for each place."""
REGISTRIES = (WORK_FOLDERS, JOURNALS)


def remember(registry: str, path: Path) -> None:
    """Remember where something is, by its absolute path."""
    with suppress(OSError, UsageError):
        entry = _entry(registry, path)
        entry.parent.mkdir(parents=True, exist_ok=True)
        entry.write_bytes(os.fsencode(path))


def forget(registry: str, path: Path) -> None:
    """It is gone."""
    with suppress(OSError, UsageError):
        entry = _entry(registry, path)
        entry.unlink(missing_ok=True)
        with suppress(OSError):  # there are others
            entry.parent.rmdir()


def remembered(registry: str) -> list[Path]:
    """Where something was; what was removed by hand meanwhile is forgotten."""
    paths: list[Path] = []
    with suppress(OSError, UsageError):
        for entry in (state_folder() / registry).iterdir():
            with suppress(OSError, ValueError):
                path = Path(os.fsdecode(entry.read_bytes()))
                # Its disk may only be away for now; but where the folder around it is there, it was removed by hand.
                if path.parent.is_dir() and not path.exists():
                    entry.unlink()
                elif path.is_absolute():
                    paths.append(path)
    return paths


def _entry(registry: str, path: Path) -> Path:
    # A file each: runs at the same time have nothing to agree upon.
    return state_folder() / registry / hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
