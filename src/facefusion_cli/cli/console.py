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
from facefusion_cli.errors import InternalError, OutputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from rich.console import Console as RichConsole

    from facefusion_cli.errors import FaceFusionError

__all__ = ["SCHEMA", "Console", "flush", "printable"]

SCHEMA = 1
"""Version of the JSON objects; grows when a key changes its meaning or goes."""

_SIGPIPE = getattr(signal, "SIGPIPE", 13)
_STYLES = {"error": "bold red", "problem": "bold red", "warning": "yellow", "note": "yellow", "ok": "green"}
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
        self.drawing = False
        """Whether something is drawn on the screen; results that go to the same terminal come out above it."""

    # Results, to stdout

    def path(self, path: Path) -> None:
        """A file that now exists."""
        if not self.json:
            self._result(str(path))

    def line(self, text: str) -> None:
        """One of the lines that were asked for."""
        if not self.json:
            self._result(text)

    def record(self, *, ok: bool, **fields: Any) -> None:
        """With ``--json`` one object on a line of its own, in ASCII so that any encoding and any name will do."""
        if self.json:
            self._result(json.dumps({"schema": SCHEMA, "ok": ok, **fields}, allow_nan=False))

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        words: Collection[str] = (),
        narrow: Sequence[str] = (),
    ) -> None:
        """A table of numbers, drawn on a terminal, else plain aligned text.

        All columns stand to the right but the last and those in ``words``. ``narrow`` is said instead, line by line, on
        a terminal too narrow for the table.
        """
        left = [name in words for name in columns[:-1]] + [True]
        if _is_terminal(sys.stdout):
            if _draw_table(columns, rows, left):
                return
            if narrow:
                for line in narrow:
                    self._result(line)
                return
        widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
        for row in (columns, *rows):
            cells = zip(row, widths, left, strict=True)
            line = "  ".join(cell.ljust(width) if to_left else cell.rjust(width) for cell, width, to_left in cells)
            self._result(line.rstrip())

    def section(self, title: str, facts: Sequence[tuple[str, str, str]]) -> None:
        """A title and facts under it: state ("info", "ok", "note", "problem"), name, text; wrapped on a terminal."""
        from facefusion_cli.cli.layout import fact_lines

        rows = [("" if state == "info" else state, printable(name), printable(text)) for state, name, text in facts]
        if not _is_terminal(sys.stdout):
            for line in (title, *fact_lines(rows, None), *([""] if facts else [])):
                self._result(line)
            return
        from rich.console import Console as RichConsole
        from rich.text import Text

        terminal = RichConsole(file=sys.stdout, highlight=False)
        lines = [Text(title, "bold")]
        for line in fact_lines(rows, terminal.width):
            line = line.encode(terminal.encoding, "backslashreplace").decode(terminal.encoding)
            mark = line.split(" ", 1)[0]
            lines.append(Text.assemble((mark, _STYLES.get(mark, "")), line[len(mark) :]))
        for text in (*lines, *([Text()] if facts else [])):
            terminal.print(text, soft_wrap=True)

    # Everything else, to stderr

    def done(self, sentence: str) -> None:
        """Something is finished."""
        if not self.quiet:
            self._say(sentence)

    def warning(self, sentence: str) -> None:
        """Something the user should know, though it went on."""
        if not self.quiet:
            self._say(sentence, label="warning")

    def notice(self, sentence: str) -> None:
        """Something that has to be said, such as terms; said even with ``--quiet``."""
        self._say(sentence)

    def detail(self, sentence: str) -> None:
        """Something only ``--verbose`` shows."""
        if self.verbose and not self.quiet:
            self._say(sentence)

    def error(self, message: str, hint: str = "") -> None:
        """Why it did not work; said even with ``--quiet``."""
        self._say(f"{message} {hint}".rstrip(), label="error")

    def failure(self, error: FaceFusionError, **fields: Any) -> None:
        """Tell an error to the person and, with ``--json``, to the program; ``fields`` say what it was about."""
        if isinstance(error, InternalError) and error.__cause__ is not None:
            self.traceback(error.__cause__)
        self.error(error.message, error.hint)
        if self.verbose and error.__cause__ is not None:
            cause = error.__cause__
            self._say(f"caused by {type(cause).__name__}: {cause}")
        self.record(ok=False, **fields, error=self.described(error))

    @staticmethod
    def described(error: FaceFusionError) -> dict[str, Any]:
        """An error as a program wants it, for ``record``."""
        return {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}

    def traceback(self, error: BaseException) -> None:
        """With ``--verbose``, where an unexpected error came from."""
        if self.verbose:
            for block in traceback.format_exception(error):
                for line in block.splitlines():
                    self._say(line)

    @contextmanager
    def busy(self, sentence: str) -> Iterator[None]:
        """Show a spinner while something takes time, on a terminal only; it leaves no trace."""
        screen = self.screen
        if screen is None:
            yield
            return
        from rich.text import Text

        spinner = "dots" if screen.encoding.startswith("utf") else "line"
        with screen.status(Text(printable(sentence), overflow="ellipsis", no_wrap=True), spinner=spinner):
            yield

    @property
    def screen(self) -> RichConsole | None:
        """What can be drawn upon, with sentences coming out above; None without a terminal, or with ``--quiet``."""
        drawable = not self.quiet and _is_terminal(sys.stderr) and self._terminal.is_interactive
        return self._terminal if drawable else None

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody to ask."""
        return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))

    def ask(self, question: str) -> bool:
        """Put a question that "y" or "yes" agree to and all else denies."""
        assert sys.stdin is not None
        assert sys.stderr is not None
        sys.stderr.write(f"{printable(question)} [y/N] ")
        sys.stderr.flush()
        answer = ""
        try:
            with suppress(UnicodeDecodeError):  # no yes either
                answer = sys.stdin.readline()
        finally:
            if not answer.endswith("\n"):  # Ctrl-C and Ctrl-D leave the cursor where it was
                sys.stderr.write("\n")
        return answer.strip().lower() in ("y", "yes")

    @cached_property
    def _terminal(self) -> RichConsole:
        from rich.console import Console as RichConsole

        return RichConsole(file=sys.stderr, highlight=False)

    def _say(self, sentence: str, *, label: str = "") -> None:
        sentence = printable(sentence)
        if _is_terminal(sys.stderr):
            from rich.text import Text

            from facefusion_cli.cli.layout import wrapped

            mark = f"{label}: " if label else ""
            first, *rest = wrapped(sentence, self._terminal.width, first=mark)
            head = Text.assemble((mark, _STYLES.get(label, "")), first.removeprefix(mark))
            for text in (head, *map(Text, rest)):
                self._terminal.print(text, soft_wrap=True)
            return
        # Whoever listens has gone, or the disk with the log is full: the work matters more.
        with suppress(OSError):
            _write(sys.stderr, f"{label}: {sentence}" if label else sentence)

    def _result(self, line: str) -> None:
        try:
            if self.drawing and _is_terminal(sys.stdout):
                self._terminal.print(printable(line), soft_wrap=True, markup=False)
            else:
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


def _draw_table(columns: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[bool]) -> bool:
    """Draw on the terminal behind stdout; false if that is too narrow for whole cells."""
    from rich import box
    from rich.console import Console as RichConsole
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for column, to_left in zip(columns, left, strict=True):
        table.add_column(column, justify="left" if to_left else "right")
    for row in rows:
        table.add_row(*map(Text, row))
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
