"""The sentences of core as a client is to read them: files by what they are, options by form fields, no paths."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING

from facefusion_cli.api.orders import SwapOrder
from facefusion_cli.api.work.guards import TooHeavyError, WrongKindError
from facefusion_cli.api.work.job import Failure
from facefusion_cli.api.work.paths import KNOWN_AS, without_paths
from facefusion_cli.core.failures import explained, is_out_of_memory
from facefusion_cli.core.media.kinds import kind_of
from facefusion_cli.errors import (
    ContentRefusedError,
    DeviceError,
    FaceFusionError,
    InputError,
    InternalError,
    NoFaceError,
    OutputError,
    UsageError,
    WeightsError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from facefusion_cli.api.orders import Order

__all__ = ["Wording"]

_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*[a-z])")
_VARIABLE = re.compile(r", or raise the limit with the environment variable \w+")
_LEAST_NAME = 16
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_NO_ROOM = (
    *map(os.strerror, _DISK_FULL),
    "no space is left on the disk",
    "the disk quota is used up",
    "there is not enough room in",
)


class Wording:
    """How one order's files are called."""

    def __init__(self, order: Order) -> None:
        self._names = [
            (re.compile(KNOWN_AS + _quoted(str(path))), name, re.compile(_alone(path.name)))
            for path, name in _files(order)
        ]
        self._others = re.compile(KNOWN_AS + rf'"?{re.escape(str(order.folder))}(?:[\\/][^\s"\',;:]*)?"?')

    def of(self, text: str) -> str:
        """The sentence as the client reads it."""
        for whole, name, _ in self._names:
            text = whole.sub(name, text)
        text = self._others.sub("a working file", text)
        for _, name, bare in self._names:
            text = bare.sub(name, text)
        return _OPTION.sub(lambda match: match[1].replace("-", "_"), without_paths(_VARIABLE.sub("", text)))

    def failure(self, error: Exception) -> Failure:
        """What the client is told of an error.

        What is the client's affair keeps its hint. Where the service lacks something (weights, memory, a device) the
        hint would be for whoever runs it, and stands in the log.
        """
        known = error if isinstance(error, FaceFusionError) else explained(error)
        message = self.of(known.message)
        if isinstance(known, InternalError):
            return Failure("bug", "this is a bug in facefusion.", "The log of the service tells more.", 500)
        if _no_room(known):
            return Failure("disk-full", "no space is left on the service's disk.", "Try again later.", 507)
        if _no_memory(known):
            return Failure("no-memory", message, "Send something smaller, or try again later.", 503)
        status = _status(known)
        hint = "" if status >= 500 else self.of(known.hint)
        return Failure(known.code, message, hint, status)


def _status(error: FaceFusionError) -> int:
    if isinstance(error, WrongKindError):
        return 415
    if isinstance(error, TooHeavyError):
        return 413
    if isinstance(error, (ContentRefusedError, InputError, NoFaceError, UsageError)):
        return 422
    return 503 if isinstance(error, (WeightsError, DeviceError)) else 500


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _no_room(error: FaceFusionError) -> bool:
    if not isinstance(error, OutputError) and type(error) is not FaceFusionError:
        return False
    return any(sign in error.message for sign in _NO_ROOM) or any(
        isinstance(cause, OSError) and cause.errno in _DISK_FULL for cause in _causes(error)
    )


def _no_memory(error: FaceFusionError) -> bool:
    return any(isinstance(cause, Exception) and is_out_of_memory(cause) for cause in _causes(error))


def _files(order: Order) -> Iterator[tuple[Path, str]]:
    """All files of an order with what they are called, those first whose names are the longest."""
    if isinstance(order, SwapOrder):
        people = order.options.people
        yield order.target, f"the target {kind_of(order.target)}"
        yield order.source, "the source picture"
        yield from ((path, "a source picture") for path in people.extra_sources)
        yield from ((path, "a person's picture") for pair in people.pairs for path in pair)
        reference = people.reference
    else:
        yield order.video, f"the {kind_of(order.video)}"
        yield order.audio, "the audio"
        if order.options.soundtrack is not None:
            yield order.options.soundtrack, "the soundtrack"
        reference = order.options.reference
    if reference is not None:
        yield reference, "the reference picture"
    yield order.output, "the result"


def _quoted(text: str) -> str:
    """A pattern for the very text, in quotes or not."""
    return rf'(?:"{re.escape(text)}"|{re.escape(text)}(?![\w-]))'


def _alone(name: str) -> str:
    """A pattern for a file's bare name, no part of another; for nothing where it might be a mere word."""
    if "." not in name and len(name) < _LEAST_NAME:
        return r"(?!)"
    return rf'(?:"{re.escape(name)}"|(?<![\w./\\-]){re.escape(name)}(?![\w-]))'
