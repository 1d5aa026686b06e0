"""Long work cut into closed pieces that survive an interruption."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.media.atomic import sync_folder
from facefusion_cli.core.media.disk_errors import output_error
from facefusion_cli.core.media.journal import Entry, Journal, read_journal
from facefusion_cli.core.media.registry import WORK_FOLDERS, remember
from facefusion_cli.core.media.work_folders import (
    KEPT_DAYS,
    LOCK,
    hold,
    remove_entry,
    remove_expired,
    remove_held,
    work_folder,
    work_folders,
)
from facefusion_cli.errors import (
    ContentRefusedError,
    FaceFusionError,
    IncompleteError,
    NoFaceError,
    OutputError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from fractions import Fraction
    from types import TracebackType

    from filelock import BaseFileLock

__all__ = ["SEGMENT_SECONDS", "Segment", "Work", "kept", "plan_segments", "work_folders"]

SEGMENT_SECONDS = 60

_JOURNAL = "journal.jsonl"
_UNFINISHED = "unfinished-"
_KEPT = (
    f"what is finished is kept for {KEPT_DAYS} days in a hidden folder beside the output: the same command goes on from"
    ' there, and "facefusion clean" removes it.'
)


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames ``start`` to ``stop`` (exclusive)."""

    index: int
    start: int
    stop: int


def plan_segments(
    start: int, stop: int, fps: Fraction, seconds: Fraction | int = SEGMENT_SECONDS
) -> tuple[Segment, ...]:
    """Cut frames ``start`` to ``stop`` into as few pieces of at most that many seconds as there can be.

    Their lengths differ by one frame at most. A frame that lasts longer than ``seconds`` is a piece of its own.
    """
    longest = max(1, floor(fps * seconds))
    frames = max(0, stop - start)
    count = ceil(frames / longest)
    cuts = [start + frames * number // count for number in range(count)]
    return tuple(Segment(index, *cut) for index, cut in enumerate(zip(cuts, [*cuts[1:], stop], strict=False)))


class Work:
    """The hidden folder beside an output in which its pieces wait for each other; a context manager.

    ``identity`` says what the pieces are made from: fingerprints of inputs, options, engine and versions, as JSON. Its
    top-level keys are words that a sentence can hold ("inputs", "options", "engine"). If a folder is there that was
    made from the same, its finished pieces are kept; if it differs, or ``resume`` is false, it is emptied and ``notes``
    says so (both known inside the block). A lock keeps a second run for the same output away. When the block is left
    without ``remove``, finished pieces stay; a folder without any goes.

    Raises:
        OutputError: the folder cannot be made or written, or another run works on the same output; also by methods, as
            when the folder of the output is removed in the middle.
    """

    folder: Path
    notes: tuple[str, ...]

    def __init__(self, output: Path, identity: Mapping[str, Any], *, resume: bool = True) -> None:
        self.folder = work_folder(output)
        self.notes = ()
        self._output = output
        self._identity = json.loads(json.dumps(identity, allow_nan=False))
        self._resume = resume
        self._lock: BaseFileLock | None = None
        self._journal: Journal | None = None
        self._pieces: dict[str, Entry] = {}
        self._unfinished: dict[str, Path] = {}

    def __enter__(self) -> Work:
        if not self.folder.parent.is_dir():
            raise OutputError(
                f'the folder "{self.folder.parent}" for the output does not exist.', hint="Create it first."
            )
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            raise OutputError(f'"{self.folder}" is in the way of the work.', hint="Move it away, or delete it.")
        remove_expired()
        try:
            self._lock = hold(self.folder, create=True)
            if self._lock is None:
                raise OutputError(
                    f'another run is working on "{self._output}".',
                    hint="Wait until it is done, or give the output another name.",
                )
            self._take_over()
        except OSError as error:
            self._leave()
            raise self._failure(error) from error
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def piece(self, name: str) -> Path | None:
        """Where a finished piece is, None if it is not there (or not what was finished)."""
        entry, path = self._pieces.get(name), self.folder / name
        return path if entry is not None and _is_file_of(path, entry.size) else None

    def temporary(self, name: str) -> Path:
        """Where to write a piece that is not finished: a new name each time, with the suffix of ``name``.

        A program of a killed run may still be writing to another. What was begun before under this name is removed.
        """
        if name != Path(name).name or name in {"", LOCK, _JOURNAL} or name.startswith((".", _UNFINISHED)):
            raise ValueError(f"{name!r} is no name for a piece")
        self._discard(name)
        if gone := self.gone:
            raise gone
        self._unfinished[name] = self.folder / f"{_UNFINISHED}{secrets.token_hex(4)}-{name}"
        return self._unfinished[name]

    def finish(self, name: str, facts: Mapping[str, Any] | None = None) -> Path:
        """Declare the temporary file of that name whole: flushed, renamed, in the journal with its size and ``facts``.

        ``facts`` is anything that JSON can hold.
        """
        assert self._journal is not None, "only inside the block"
        temporary, place = self._unfinished[name], self.folder / name
        try:
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())
                size = file.seek(0, os.SEEK_END)
            entry = Entry(size, json.loads(json.dumps(dict(facts or {}), allow_nan=False)))
            if self._pieces.pop(name, None) is not None:
                self._journal.withdraw(name)
            temporary.replace(place)
            sync_folder(self.folder)
            self._journal.add(name, entry)
        except OSError as error:
            raise self._failure(error) from error
        del self._unfinished[name]
        self._pieces[name] = entry
        return place

    def facts(self, name: str) -> Mapping[str, Any]:
        """What ``finish`` was told of a finished piece."""
        return self._pieces[name].facts

    @property
    def finished(self) -> frozenset[str]:
        """The names of finished pieces."""
        return frozenset(self._pieces)

    @property
    def gone(self) -> OutputError | None:
        """What to say if the folder, which others must leave alone, is not there any more."""
        return None if self.folder.is_dir() else self._failure(FileNotFoundError())

    def remove(self) -> None:
        """Remove the folder and all in it: the output is whole. What resists is left to ``facefusion clean``."""
        self._pieces.clear()
        self._leave()

    def _take_over(self) -> None:
        """Keep what can be used of an earlier run, remove the rest."""
        before = read_journal(self.folder / _JOURNAL)
        identity, pieces = (None, {}) if before is None else before
        pieces = {name: entry for name, entry in pieces.items() if _is_file_of(self.folder / name, entry.size)}
        if pieces and not self._resume:
            self.notes = ("the finished part of an earlier run is not used, as was asked.",)
            pieces = {}
        elif pieces and identity != self._identity:
            why = _difference(identity, self._identity)
            self.notes = (f"the finished part of an earlier run cannot be used: {why}.",)
            pieces = {}
        keep = {LOCK, _JOURNAL, *pieces} if pieces else {LOCK}
        for path in self.folder.iterdir():
            if path.name not in keep:
                remove_entry(path)
        self._journal = Journal(self.folder / _JOURNAL, self._identity, pieces)
        self._pieces = pieces
        remember(WORK_FOLDERS, self.folder)

    def _discard(self, name: str) -> None:
        if (path := self._unfinished.pop(name, None)) is not None:
            with suppress(OSError):
                path.unlink()

    def _leave(self) -> None:
        """Let go of the folder; best effort, for the work itself is done or has failed already."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._lock is None:
            return
        for name in [*self._unfinished]:
            self._discard(name)
        if self._pieces:
            self._lock.release()
        else:
            with suppress(OSError):
                remove_held(self.folder, self._lock)
        self._lock = None

    def _failure(self, error: OSError) -> OutputError:
        for folder in (self.folder.parent, self.folder):
            if isinstance(error, FileNotFoundError) and not folder.is_dir():
                return OutputError(
                    f'the folder "{folder}" was removed in the middle of the work.',
                    hint="Create it again, and begin anew." if folder != self.folder else "Begin anew.",
                )
        return output_error(self.folder, error)


@contextmanager
def kept(work: Work, note: Callable[[str], None], *, slight: Collection[str] = ()) -> Iterator[None]:
    """Around what is done in a work folder: remove what leads nowhere; say of what is interrupted that it is kept.

    ``slight`` are pieces that are not worth keeping alone when the work fails, as for an input that cannot be read.

    Raises:
        OutputError: instead of what fails without the folder: it was removed in the middle of the work.
    """
    try:
        yield
    except BaseException as error:
        failed = isinstance(error, FaceFusionError)
        if failed and (gone := work.gone):
            raise gone from error
        hopeless = isinstance(error, (ContentRefusedError, NoFaceError, IncompleteError, UsageError))
        if hopeless or (failed and work.finished <= {*slight}):
            work.remove()
        elif work.finished:
            note(_KEPT)
        raise


def _is_file_of(path: Path, size: int) -> bool:
    try:
        return path.is_file() and not path.is_symlink() and path.stat().st_size == size
    except OSError:
        return False


def _difference(before: Any, now: Mapping[str, Any]) -> str:
    """What has changed, as a clause: "the options have changed"."""
    if not isinstance(before, dict):
        return "it was made from something else"
    changed = [key for key in {**before, **now} if before.get(key, ...) != now.get(key, ...)]
    names = [f"the {key.replace('_', ' ')}" for key in changed]
    verb = "have" if len(names) > 1 or names[0].endswith("s") else "has"
    return f"{', '.join(names[:-1])}{' and ' if names[1:] else ''}{names[-1]} {verb} changed"
