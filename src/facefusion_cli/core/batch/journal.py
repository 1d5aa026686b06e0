"""What has been made in a folder, and from what: so that a second run need not make it again."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import threading
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.media.atomic import AtomicFile
from facefusion_cli.core.media.disk_errors import why_not_written
from facefusion_cli.core.media.hidden import PREFIX
from facefusion_cli.core.media.registry import JOURNALS, remember
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["JOURNAL_NAME", "FolderJournal"]

JOURNAL_NAME = f"{PREFIX}journal.jsonl"
_SLACK = 1000
"""Lines that are out of date before the file is written anew; many more than one run adds for nothing."""

_NOT_A_FILE = "it is not an ordinary file"


@dataclass(frozen=True, slots=True)
class _Entry:
    output: str
    """Below the folder of the journal, with "/"."""
    bytes: int
    mtime_ns: int
    made_from: str
    complete: bool
    """Whether it holds all that it should."""


class FolderJournal:
    """The journal of the results in ``root``, one hidden file there: a line of JSON for each file that was made.

    It is only ever a reason to leave out work. What cannot be read of it (a line cut by a crash, another program's) is
    as if it were not there; where it cannot be written ``notes`` says so, and no work fails for it. Any number of runs
    and threads may record at the same time.
    """

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root))
        self._path = self._root / JOURNAL_NAME
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._registered = False
        self.notes: list[str] = []
        """Sentences for the user."""
        try:
            self._entries, lines = _read(self._path)
        except OSError as error:
            self._note(f'what was made earlier cannot be read in "{self._path}": {why_not_written(error)}.')
        else:
            if lines > 2 * len(self._entries) + _SLACK:
                self._compact()

    def done(self, output: Path, made_from: Callable[[], Mapping[str, Any]]) -> bool:
        """Whether ``output`` is there, whole, unchanged since it was recorded last, and was made from just that.

        ``made_from`` is only called where the rest is true: it may have to read files. See ``record``.
        """
        entry = self._unchanged(output)
        return entry is not None and entry.complete and entry.made_from == _digest(made_from())

    def is_result(self, path: Path) -> bool:
        """Whether ``path`` is a file that was recorded here, unchanged since."""
        return self._unchanged(path) is not None

    def was_result(self, path: Path) -> bool:
        """Whether a file of that name was recorded here, whatever has become of it since."""
        return self._key(path) in self._entries

    def record(self, output: Path, made_from: Mapping[str, Any], *, complete: bool = True) -> None:
        """Remember that ``output`` was made.

        ``made_from`` is all that the result depends on, as JSON: fingerprints of inputs, options, engine, versions. One
        that is not ``complete`` is known as a result and never ``done``.
        """
        try:
            status = output.stat()
            entry = _Entry(self._key(output), status.st_size, status.st_mtime_ns, _digest(made_from), complete)
            with self._lock:
                self._entries[entry.output] = entry
                with _opened(self._path) as descriptor:
                    _append(descriptor, _line(entry))
                if not self._registered:
                    remember(JOURNALS, self._path)
                    self._registered = True
        except OSError as error:
            self._note(f'what was made cannot be remembered in "{self._path}": {why_not_written(error)}.')

    def _unchanged(self, output: Path) -> _Entry | None:
        entry = self._entries.get(self._key(output))
        if entry is None:
            return None
        try:
            status = output.stat()
        except OSError:
            return None
        return entry if (status.st_size, status.st_mtime_ns) == (entry.bytes, entry.mtime_ns) else None

    def _key(self, output: Path) -> str:
        # The folder's real name but the file's own: the file itself may be a link that is written through.
        folder = Path(os.path.realpath(output.parent))
        return Path(os.path.relpath(folder / output.name, self._root)).as_posix()

    def _compact(self) -> None:
        """Write the file anew with one line for each output; whoever records meanwhile waits."""
        try:
            with _opened(self._path):
                self._entries, _ = _read(self._path)
                with AtomicFile(self._path) as file:
                    file.temporary.write_bytes(b"".join(map(_line, self._entries.values())))
                    file.commit()
        except (OSError, OutputError):
            return  # a long journal serves as well

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


def _digest(made_from: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode("ascii")).hexdigest()[:32]


def _line(entry: _Entry) -> bytes:
    return json.dumps({"v": 1, **asdict(entry)}).encode("ascii") + b"\n"


def _read(path: Path) -> tuple[dict[str, _Entry], int]:
    """The newest entry for each output, and how many lines there are."""
    if not path.exists():
        return {}, 0
    if not path.is_file():
        raise OSError(_NOT_A_FILE)
    lines = path.read_bytes().splitlines()
    entries = {entry.output: entry for line in lines if (entry := _parse(line)) is not None}
    return entries, len(lines)


def _parse(line: bytes) -> _Entry | None:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match fields:
        case {"v": 1, "output": str(output), "bytes": int(size), "mtime_ns": int(time), "made_from": str(made_from)}:
            return _Entry(output, size, time, made_from, fields.get("complete") is not False)
    return None


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """The journal, opened for appending and locked; the file that has the name, not one that was just replaced."""
    while True:
        # Another's FIFO of that name would not be waited for.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags, 0o666)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(_NOT_A_FILE)
            _lock(descriptor)
            try:
                current = os.path.samestat(os.fstat(descriptor), path.stat())
            except FileNotFoundError:
                current = False
            if current:
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Wait until nobody else writes, where there are such locks; it goes when the file is closed."""
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            return  # some network file systems; a line lost means a file made twice


def _append(descriptor: int, line: bytes) -> None:
    size = os.fstat(descriptor).st_size
    if size:
        os.lseek(descriptor, size - 1, os.SEEK_SET)
        if os.read(descriptor, 1) != b"\n":  # whoever wrote the last line was killed
            line = b"\n" + line
    os.write(descriptor, line)
