"""Parts of a multipart body, one after another, while it streams in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from facefusion_cli.api.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Data", "End", "Event", "Parts", "Start"]

_MOST_PARTS = 64
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Start:
    """A part begins."""

    name: str
    """Of its form field."""
    is_file: bool
    """Whether the client gave it a file name. Which one is nobody's business."""
    named: bool
    """Whether that file name is not empty: a browser sends an empty one where no file was chosen."""


@dataclass(frozen=True, slots=True)
class Data:
    """The next bytes of the part that began last."""

    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """That part is over."""


Event = Start | Data | End


class Parts:
    """Turns pieces of a body into events; keeps none of it."""

    def __init__(self, content_type: str) -> None:
        """``content_type``: the request's header.

        Raises:
            Problem: 415, it is no multipart form; 400, it names no boundary.
        """
        kind, parameters = parse_options_header(content_type)
        if kind != b"multipart/form-data":
            raise Problem(
                415, "wrong-body", "the request's body is no multipart form.", hint="Send multipart/form-data."
            )
        boundary = parameters.get(b"boundary", b"")
        if not boundary:
            raise _malformed()
        self._events: deque[Event] = deque()
        self._headers: dict[bytes, bytes] = {}
        self._field = bytearray()
        self._value = bytearray()
        self._count = 0
        self._ended = False
        callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._on_field,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
        except FormParserError:
            raise _malformed() from None

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that lie in the next piece of the body.

        Raises:
            Problem: 400, it is malformed, or has too many parts.
        """
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise _malformed() from None
        while self._events:
            yield self._events.popleft()

    def close(self) -> None:
        """The body is over.

        Raises:
            Problem: 400, the form is not.
        """
        if not self._ended:
            raise _malformed()

    def _begin(self) -> None:
        self._count += 1
        if self._count > _MOST_PARTS:
            raise Problem(400, "too-many-parts", f"the form has more than {_MOST_PARTS} parts.")
        self._headers = {}

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[bytes(self._field).lower()] = bytes(self._value)
        self._field.clear()
        self._value.clear()

    def _on_headers(self) -> None:
        kind, parameters = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = parameters.get(b"name", b"").decode("utf-8", "replace")
        if kind != b"form-data" or not name or len(name) > _LONGEST_NAME:
            raise _malformed()
        file_name = parameters.get(b"filename")
        self._events.append(Start(name, file_name is not None, bool(file_name)))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(Data(data[start:end]))

    def _on_part_end(self) -> None:
        self._events.append(End())

    def _on_end(self) -> None:
        self._ended = True


def _malformed() -> Problem:
    return Problem(400, "malformed", "the multipart form is malformed or incomplete.")
