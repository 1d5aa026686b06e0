"""A list of finished pieces that a run can be killed over at any moment."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.media.atomic import sync_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Entry", "Journal", "read_journal"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished piece."""

    size: int
    """In bytes."""
    facts: Mapping[str, Any]


def read_journal(path: Path) -> tuple[Any, dict[str, Entry]] | None:
    """The identity that the pieces share, and the pieces by name; None if there is no journal, or not its first line.

    Lines that were torn or damaged are passed over: those pieces are made once more.

    Raises:
        OSError: it cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return None
    records = [_record(line) for line in lines]
    if "identity" not in records[0]:
        return None
    entries: dict[str, Entry] = {}
    for record in records[1:]:
        match record:
            case {"piece": str(name), "size": int(size), "facts": dict(facts)}:
                entries[name] = Entry(size, facts)
            case {"withdrawn": str(name)}:
                entries.pop(name, None)
    return records[0]["identity"], entries


class Journal:
    """Writes what ``read_journal`` reads: JSON, a line a record, each on the disk before the next is written.

    The first line is there from the start, with ``entries`` of an earlier run. Methods raise OSError.
    """

    def __init__(self, path: Path, identity: Any, entries: Mapping[str, Entry]) -> None:
        fresh = path.with_name(f"{path.name}.new")
        with fresh.open("wb") as file:
            file.write(_line(identity=identity))
            for name, entry in entries.items():
                file.write(_line(piece=name, size=entry.size, facts=entry.facts))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_folder(path.parent)
        self._file = path.open("ab", buffering=0)

    def add(self, name: str, entry: Entry) -> None:
        """A piece is finished."""
        self._write(_line(piece=name, size=entry.size, facts=entry.facts))

    def withdraw(self, name: str) -> None:
        """A piece is no longer what it was."""
        self._write(_line(withdrawn=name))

    def close(self) -> None:
        """No more is written; may be called again."""
        self._file.close()

    def _write(self, line: bytes) -> None:
        # A torn line before it, from an attempt that failed, ends here.
        self._file.write(b"\n" + line)
        os.fsync(self._file.fileno())


def _line(**record: Any) -> bytes:
    return json.dumps(record, allow_nan=False).encode() + b"\n"


def _record(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):  # the latter: nested without end, which is none of ours
        return {}
    return record if isinstance(record, dict) else {}
