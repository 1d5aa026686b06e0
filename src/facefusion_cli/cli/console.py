"""The one place that writes to stdout and stderr.

stdout carries results only: a path a line, a table, or with ``--json`` one object a line. All else goes to stderr.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import traceback
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

from facefusion_cli.cli.signals import Stopped
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console as RichConsole

    from facefusion_cli.errors import FaceFusionError

__all__ = ["SCHEMA", "Console", "flush", "printable"]

SCHEMA = 1
"""Version of the JSON objects; grows when a key changes its meaning or goes."""

_SIGPIPE = getattr(signal, "SIGPIPE", 13)
_STYLES = {"error": "bold red", "warning": "yellow"}
# Control characters, line and paragraph separators, direction overrides, bytes of a name that are not text.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """``text`` as one line that a terminal shows and does not obey; file names can hold anything."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


class Console:
    """What the command says, and how: made once by ``main``, told its options by the subcommand."""

    def __init__(self) -> None:
        self.json = False
        self.quiet = False
        self.verbose = False

    # Results, to stdout

    def path(self, path: Path) -> None:
        """A file that now exists."""
        if not self.json:
            self._result(str(path))

    def record(self, *, ok: bool, **fields: Any) -> None:
        """With ``--json`` one object on a line of its own, in ASCII so that any encoding and any name will do."""
        if self.json:
            self._result(json.dumps({"schema": SCHEMA, "ok": ok, **fields}, allow_nan=False))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table of numbers, all columns to the right but the last: drawn on a terminal, else plain aligned text."""
        if _is_terminal(sys.stdout) and _draw_table(columns, rows):
            return
        widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
        for row in (columns, *rows):
            cells = [cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=False)]
            self._result("  ".join([*cells, row[-1]]).rstrip())

    # Everything else, to stderr

    def done(self, sentence: str) -> None:
        """Something is finished."""
        if not self.quiet:
            self._say(sentence)

    def warning(self, sentence: str) -> None:
        """Something the user should know, though it went on."""
        if not self.quiet:
            self._say(sentence, label="warning")

    def detail(self, sentence: str) -> None:
        """Something only ``--verbose`` shows."""
        if self.verbose and not self.quiet:
            self._say(sentence)

    def error(self, message: str, hint: str = "") -> None:
        """Why it did not work; said even with ``--quiet``."""
        self._say(f"{message} {hint}".rstrip(), label="error")

    def failure(self, error: FaceFusionError, **fields: Any) -> None:
        """Tell an error to the person and, with ``--json``, to the program; ``fields`` say what it was about."""
        self.error(error.message, error.hint)
        if self.verbose and error.__cause__ is not None:
            cause = error.__cause__
            self._say(f"caused by {type(cause).__name__}: {cause}")
        described = {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}
        self.record(ok=False, **fields, error=described)

    def traceback(self, error: BaseException) -> None:
        """With ``--verbose``, where an unexpected error came from."""
        if self.verbose:
            for block in traceback.format_exception(error):
                for line in block.splitlines():
                    self._say(line)

    @contextmanager
    def busy(self, sentence: str) -> Iterator[None]:
        """Show a spinner while something takes time, on a terminal only; it leaves no trace."""
        if self.quiet or not _is_terminal(sys.stderr) or not self._terminal.is_interactive:
            yield
            return
        from rich.text import Text

        spinner = "dots" if self._terminal.encoding.startswith("utf") else "line"
        with self._terminal.status(Text(printable(sentence), overflow="ellipsis", no_wrap=True), spinner=spinner):
            yield

    @cached_property
    def _terminal(self) -> RichConsole:
        from rich.console import Console as RichConsole

        return RichConsole(file=sys.stderr, highlight=False)

    def _say(self, sentence: str, *, label: str = "") -> None:
        sentence = printable(sentence)
        if _is_terminal(sys.stderr):
            from rich.text import Text

            text = Text(sentence)
            if label:
                text = Text.assemble((f"{label}: ", _STYLES[label]), text)
            self._terminal.print(text)
            return
        # Whoever listens has gone, or the disk with the log is full: the work matters more.
        with suppress(OSError):
            _write(sys.stderr, f"{label}: {sentence}" if label else sentence)

    def _result(self, line: str) -> None:
        try:
            _write(sys.stdout, line)
        except BrokenPipeError:
            raise Stopped(_SIGPIPE) from None
        except OSError as error:
            raise OutputError(f"the result cannot be written to the standard output: {error.strerror}.") from error


def flush() -> None:
    """Write out what stdout still holds, such as help, so that Python's own attempt at exit has nothing to fail on."""
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError:
            _discard(sys.stdout)
            raise


def _draw_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Draw on the terminal behind stdout; false if that is too narrow for whole numbers."""
    from rich import box
    from rich.console import Console as RichConsole
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for number, column in enumerate(columns, start=1):
        table.add_column(column, justify="left" if number == len(columns) else "right")
    for row in rows:
        table.add_row(*row)
    terminal = RichConsole(file=sys.stdout)
    if terminal.measure(table, options=terminal.options.update(width=1000)).maximum > terminal.width:
        return False
    terminal.print(table)
    return True


def _is_terminal(stream: TextIO | None) -> bool:
    """Whether ``stream`` can be drawn upon; GITHUB_ACTIONS or FORCE_COLOR do not make a pipe a terminal."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def _write(stream: TextIO | None, line: str) -> None:
    """Write a line at once; what the stream's encoding lacks goes out as escapes, or raw where programs read it."""
    if stream is None:  # closed by whoever started us
        return
    try:
        if stream is sys.stdout and os.name == "posix" and not stream.isatty() and hasattr(stream, "buffer"):
            stream.flush()
            stream.buffer.write(os.fsencode(line) + b"\n")  # a name's own bytes
        else:
            encoding = stream.encoding or "utf-8"
            stream.write(printable(line).encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except OSError:
        _discard(stream)
        raise


def _discard(stream: TextIO) -> None:
    """Throw away what ``stream`` could not write: Python would try again at exit, and complain."""
    with suppress(OSError, ValueError):  # no descriptor of its own
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
