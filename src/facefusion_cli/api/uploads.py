"""Forms with files, from a body that streams in to files of our own in a private folder."""

from __future__ import annotations

import asyncio
import errno
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from facefusion_cli.api.body import body_chunks
from facefusion_cli.api.multipart import Data, Parts, Start
from facefusion_cli.api.problems import Problem
from facefusion_cli.api.sniffing import sniff
from facefusion_cli.core.media.disk_errors import why_not_written
from facefusion_cli.core.media.kinds import HEAD_SIZE
from facefusion_cli.core.sizes import in_words

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from starlette.requests import Request

    from facefusion_cli.api.settings import Limits
    from facefusion_cli.api.sniffing import UploadKind

__all__ = ["FileField", "Form", "Upload", "receive_form"]

_LONGEST_TEXT = 1000
_FLUSH = 262_144
"""Bytes that are written to the disk in one go, in a thread."""


@dataclass(frozen=True, slots=True)
class FileField:
    """A field of a form that takes a file."""

    name: str
    kinds: tuple[UploadKind, ...]
    about: str
    """For the documentation."""
    required: bool = True
    most: int = 1
    """Files it takes, each in a part of that name."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that has arrived."""

    path: Path
    """Its name is the field's, with a number where there are several, its suffix what its content says."""
    kind: UploadKind


@dataclass(slots=True)
class Form:
    """All that was sent."""

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[Upload]] = field(default_factory=dict)

    def file(self, name: str) -> Upload:
        """The file of a field that takes one and has it."""
        return self.files[name][0]

    def paths(self, name: str) -> tuple[Path, ...]:
        """Where the files of a field lie; () if it was left out."""
        return tuple(each.path for each in self.files.get(name, ()))


async def receive_form(
    request: Request, folder: Path, files: Sequence[FileField], texts: Collection[str], limits: Limits, most: int
) -> Form:
    """Read a form of these ``files`` and of ``texts``, whose files go into ``folder``.

    ``most``: bytes that the whole body may have.

    Raises:
        Problem: 400, it is malformed; 408, 413, 415; 422, a field is unknown, too often there or missing; 507.
        ClientGone: the client went away.
    """
    content_type = request.headers.get("content-type", "")
    form = Form()
    if content_type or not _is_empty(request):
        parts = Parts(content_type)
        reader = _Reader(form, folder, {each.name: each for each in files}, texts, limits)
        try:
            async for chunk in body_chunks(request, limits, most):
                for event in parts.feed(chunk):
                    reader.take(event)
                await reader.flush()
            parts.close()
        finally:
            await reader.close()
    missing = [each.name for each in files if each.required and each.name not in form.files]
    if missing:
        names = " and ".join(f'"{name}"' for name in missing)
        raise Problem(
            422,
            "field-missing",
            f"the file {names} is missing." if len(missing) == 1 else f"the files {names} are missing.",
            hint="Send each file in a field of that name.",
            fields=[(name, "this file is missing.") for name in missing],
        )
    return form


def _is_empty(request: Request) -> bool:
    return request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers


class _Reader:
    """Takes the events of a form; looks at each file as soon as its first bytes are there."""

    def __init__(
        self, form: Form, folder: Path, files: dict[str, FileField], texts: Collection[str], limits: Limits
    ) -> None:
        self._form = form
        self._folder = folder
        self._files = files
        self._texts = texts
        self._limits = limits
        self._part = Start("", False, False)
        self._seen: Counter[str] = Counter()
        self._pending = bytearray()
        self._size = 0
        self._file: BinaryIO | None = None
        self._kind: UploadKind | None = None
        self._opened: list[BinaryIO] = []
        self._writes: list[tuple[BinaryIO, bytes, bool]] = []
        self._writing: asyncio.Task[None] | None = None

    def take(self, event: Start | Data | object) -> None:
        """The next event."""
        if isinstance(event, Start):
            self._begin(event)
        elif isinstance(event, Data):
            self._more(event.data)
        else:
            self._end()

    async def flush(self) -> None:
        """Write what is to be written, so much at a time that a thread is worth it."""
        if not self._writes:
            return
        writes, self._writes = self._writes, []
        self._writing = asyncio.create_task(asyncio.to_thread(_write, writes))
        try:
            await asyncio.shield(self._writing)
        except OSError as error:
            raise _not_stored(error) from None

    async def close(self) -> None:
        """No more is coming; waits for a write that is under way, whose file must not be closed under it."""
        if self._writing is not None:
            await asyncio.wait((self._writing,))
        for file in self._opened:
            file.close()

    def _begin(self, part: Start) -> None:
        name = part.name
        if name not in self._files and name not in self._texts:
            known = ", ".join((*self._files, *self._texts))
            raise _bad_field(name, f"there is no field {_quoted(name)}.", f"There are: {known}.")
        most = self._files[name].most if name in self._files else 1
        if self._seen[name] == most:
            often = "twice" if most == 1 else f"more than {most} times"
            raise _bad_field(name, f'the field "{name}" is there {often}.', "Send one value for each field.")
        if part.is_file and name in self._texts:
            raise _bad_field(name, f'the field "{name}" takes a text and no file.')
        self._seen[name] += 1
        self._part, self._size, self._kind, self._file = part, 0, None, None
        self._pending.clear()

    def _more(self, data: bytes) -> None:
        self._size += len(data)
        self._pending += data
        name = self._part.name
        if name in self._texts:
            if self._size > _LONGEST_TEXT:
                raise _bad_field(name, f'the field "{name}" is too long.')
            return
        if self._file is None and self._size >= HEAD_SIZE:
            self._open()
        if self._kind == "picture" and self._size > self._limits.picture_bytes:
            most = in_words(self._limits.picture_bytes)
            raise Problem(413, "too-large", f'"{name}" is too large: {most} is the most for a picture.')
        if self._file is not None and len(self._pending) >= _FLUSH:
            self._hand_over(last=False)

    def _end(self) -> None:
        name = self._part.name
        if name in self._texts:
            try:
                self._form.texts[name] = self._pending.decode("utf-8")
            except UnicodeDecodeError:
                raise _bad_field(name, f'the field "{name}" is no text in UTF-8.') from None
            return
        if not self._size:  # a page such as /docs sends the field so where no file was chosen
            if self._part.named:
                raise _bad_field(name, f'"{name}" is empty.')
            return
        if self._file is None:
            self._open()
        self._hand_over(last=True)
        self._file = None

    def _open(self) -> None:
        name = self._part.name
        self._kind, suffix = sniff(bytes(self._pending[:HEAD_SIZE]), name, self._files[name].kinds)
        number = f"-{self._seen[name]}" if self._files[name].most > 1 else ""
        path = self._folder / f"{name}{number}{suffix}"
        try:
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)
        except OSError as error:
            raise _not_stored(error) from None
        self._opened.append(self._file)
        self._form.files.setdefault(name, []).append(Upload(path, self._kind))

    def _hand_over(self, *, last: bool) -> None:
        assert self._file is not None
        self._writes.append((self._file, bytes(self._pending), last))
        self._pending.clear()


def _write(writes: Sequence[tuple[BinaryIO, bytes, bool]]) -> None:
    for file, data, last in writes:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
        if last:
            file.close()


def _not_stored(error: OSError) -> Problem:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    message = f"what was sent cannot be stored: {why_not_written(error)}."
    return Problem(507, "disk-full", message) if full else Problem(500, "not-stored", message)


def _bad_field(name: str, message: str, hint: str = "") -> Problem:
    return Problem(422, "bad-field", message, hint=hint, fields=[(_quoted(name)[1:-1], message)])


def _quoted(name: str) -> str:
    """A name that the client made up, short and printable."""
    return '"' + name[:40].encode("ascii", "backslashreplace").decode().replace('"', "'") + '"'
