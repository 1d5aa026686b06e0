"""Files that are either there, whole, or not there at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from facefusion_cli.core.media.disk_errors import output_error
from facefusion_cli.core.media.hidden import stem_of, temporary_name
from facefusion_cli.core.media.left_overs import remove_left_overs
from facefusion_cli.core.media.naming import numbered
from facefusion_cli.errors import OutputError, OutputExistsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

__all__ = ["AtomicFile", "Exists", "check_destination", "sync_folder"]

Exists = Literal["replace", "refuse", "number"]
"""What to do when the name is taken: replace that file, refuse, or take the next free number."""

_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES, errno.EINVAL}


def check_destination(path: Path, exists: Exists, inputs: Iterable[Path]) -> None:
    """Raise now what would otherwise only come out after the work.

    Raises:
        OutputError: the folder is missing or cannot be written, or ``path`` is a folder, a device, or one of ``inputs``
            under any name.
        OutputExistsError: ``path`` is taken and ``exists`` is "refuse".
    """
    try:
        if exists == "number":
            _check_folder(Path(os.path.realpath(path.parent)), path)
            return
        resolved = _resolve(path)
        _check_folder(resolved.parent, path)
        mode = _mode(resolved)
        if mode is None:
            return
        if stat.S_ISDIR(mode):
            raise OutputError(f'the output "{path}" is a folder.', hint="Give the name of a file.")
        if not stat.S_ISREG(mode):
            raise OutputError(f'the output "{path}" is not an ordinary file.', hint="Give the name of a file.")
        _refuse_inputs(resolved, inputs)
        if exists == "refuse":
            raise _taken(path)
    except OSError as error:
        raise output_error(path, error) from error


class AtomicFile:
    """A file that gets its name only when it is whole.

    As a context manager it holds an empty file of another name in the same folder, ``temporary``, to be written
    to by any means that keeps it in place. ``commit`` gives it its name; leaving without, for whatever reason, removes
    it. OSError that leave the block become OutputError if they are about this file.

    Left-overs of killed runs for the same path are removed on entry (for one not written lately those of up to a minute
    ago: the folder is not listed for each of many files). A running program holds a lock on its own file, which goes
    with it however it ends; where there are no such locks (Windows), open files cannot be removed.
    """

    temporary: Path

    def __init__(self, path: Path, exists: Exists = "replace", inputs: Iterable[Path] = ()) -> None:
        self._path = path
        self._exists: Exists = exists
        self._inputs = tuple(inputs)
        self._descriptor = -1
        self._before: Path | None = None
        self._rights: int | None = None

    def __enter__(self) -> AtomicFile:
        check_destination(self._path, self._exists, self._inputs)
        # A numbered name is free or not by itself; any other may be a link to where the file really is.
        self._final = self._path.absolute() if self._exists == "number" else _resolve(self._path)
        remove_left_overs(self._final.parent, f"{stem_of(self._final)}-")
        try:
            if self._exists == "replace" and (mode := _mode(self._final)) is not None:
                self._rights = mode & 0o777
            self._create()
        except OSError as error:
            self._discard()
            raise output_error(self._path, error) from error
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()
        if isinstance(error, OSError) and error.filename in {None, str(self.temporary)}:
            raise output_error(self._path, error) from error

    def commit(self) -> Path:
        """Give the file its name, on disk too, and return it.

        Raises:
            OutputError: it cannot be written, or meanwhile is one of the inputs.
            OutputExistsError: the name was taken meanwhile and may not be replaced.
        """
        try:
            with self.temporary.open("r+b") as file:
                os.fsync(file.fileno())
            if sys.platform == "win32":
                self._release()  # open files cannot be renamed there; elsewhere the lock lasts until it has its name
            if self._exists == "replace":
                _refuse_inputs(self._final, self._inputs)
                self._take_over_rights()
                self.temporary.replace(self._final)
            else:
                self._final = self._claim()
            self._release()
            sync_folder(self._final.parent)
        except OSError as error:
            raise output_error(self._path, error) from error
        # A resolved link is nothing the user has to see.
        return self._path if self._exists != "number" else self._path.with_name(self._final.name)

    @property
    def unfinished(self) -> tuple[Path, ...]:
        """The files that are there while it is being written."""
        return (self.temporary,) if self._before is None else (self.temporary, self._before)

    @contextlib.contextmanager
    def rewriting(self) -> Iterator[Path]:
        """What was written so far, to be written anew: inside, ``temporary`` is another, empty file.

        When the block ends well that one stays and the first goes; else it is the reverse.

        Raises:
            OSError: there can be no other file.
        """
        before, descriptor = self.temporary, self._descriptor
        self._before, self._descriptor = before, -1
        try:
            self._create()
            yield before
        except BaseException:
            if self.temporary != before:
                self._discard()
            self.temporary, self._descriptor, self._before = before, descriptor, None
            raise
        os.close(descriptor)
        with contextlib.suppress(OSError):
            before.unlink()
        self._before = None

    def _create(self) -> None:
        while True:
            self.temporary = self._final.with_name(temporary_name(self._final, self._path.suffix))
            # Created with the rights that the final file shall have: the umask applies, as to any other new file. In
            # place of another nobody may read it in the meantime who could not read that one; we have to write it.
            rights = 0o666 if self._rights is None else self._rights & 0o666 | 0o600
            self._descriptor = os.open(self.temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, rights)
            # In the moment before it is locked another run may take it for a left-over.
            if _lock(self._descriptor) and self.temporary.exists():
                return
            self._discard()

    def _take_over_rights(self) -> None:
        """Those of the file that is replaced, as if it had been written to."""
        if sys.platform != "win32" and self._rights is not None:
            # Where the file system has no such rights (FAT) there are none to lose.
            with contextlib.suppress(PermissionError):
                os.fchmod(self._descriptor, self._rights)

    def _discard(self) -> None:
        self._release()
        # After a commit the name is gone already.
        with contextlib.suppress(OSError):
            self.temporary.unlink()

    def _release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _claim(self) -> Path:
        """Give the file the first free name, never taking one from another file."""
        number = 1
        while True:
            path = numbered(self._final, number)
            try:
                _move_to_free_name(self.temporary, path)
            except FileExistsError:
                if self._exists == "refuse":
                    raise _taken(path) from None
                number += 1
            else:
                return path


def _move_to_free_name(source: Path, path: Path) -> None:
    """Rename ``source``; FileExistsError if there is something at ``path``, even if it came this very moment."""
    if sys.platform == "win32":
        source.rename(path)
        return
    try:
        os.link(source, path)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # Some file systems (FAT, some network ones) have no hard links: hold the name with an empty file instead.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            source.replace(path)
        except BaseException:
            path.unlink()
            raise
    else:
        source.unlink()


def _resolve(path: Path) -> Path:
    resolved = Path(os.path.realpath(path))
    if resolved.is_symlink():
        raise OutputError(f'the output "{path}" is a link that leads to itself.', hint="Give the name of a file.")
    return resolved


def _mode(path: Path) -> int | None:
    """File type and rights; None if there is nothing. ``Path.exists`` would hide names that are too long."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _check_folder(folder: Path, path: Path) -> None:
    mode = _mode(folder)
    if mode is None:
        raise OutputError(f'the folder "{folder}" for the output does not exist.', hint="Create it first.")
    if not stat.S_ISDIR(mode):
        raise OutputError(f'"{folder}" is a file, so the output "{path.name}" cannot be inside it.')
    if not os.access(folder, os.W_OK | os.X_OK):
        raise output_error(path, OSError(_reason_not_writable(folder), ""))


def _refuse_inputs(path: Path, inputs: Iterable[Path]) -> None:
    for given in inputs:
        # What cannot be reached is nothing to protect.
        with contextlib.suppress(OSError):
            if path.samefile(given):
                raise OutputError(
                    f'the output "{path}" is the same file as the input "{given}".',
                    hint="Give the output another name.",
                )


def _taken(path: Path) -> OutputExistsError:
    return OutputExistsError(f'the output "{path}" exists already.', hint="Give another name, or allow replacing it.")


def _reason_not_writable(folder: Path) -> int:
    if sys.platform != "win32" and os.statvfs(folder).f_flag & os.ST_RDONLY:
        return errno.EROFS
    return errno.EACCES


def _lock(descriptor: int) -> bool:
    """Whether it is safe now: false if somebody else has it."""
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # no locks here (some network file systems), so nothing is ever taken for a left-over
    return True


def sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut, where folders can be flushed at all."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
