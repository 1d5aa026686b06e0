"""What goes to stdout and stderr, and in which form."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path

import pytest

from facefusion_cli.cli.console import Console, printable
from facefusion_cli.cli.signals import Stopped
from facefusion_cli.errors import NoFaceError, OutputError


class Terminal(io.StringIO):
    """A text stream that claims to be a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def failing(errno: int) -> io.TextIOWrapper:
    """A stream whose first write fails."""

    class Raw(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, _data: object) -> int:
            raise OSError(errno, os.strerror(errno))

        def close(self) -> None:
            pass

    class Stream(io.TextIOWrapper):
        def close(self) -> None:
            pass

        def __del__(self) -> None:
            pass

    return Stream(Raw(), encoding="utf-8", write_through=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain name.jpg", "plain name.jpg"),
        ("é 日本　ã 👩‍🚀.jpg", "é 日本　ã 👩‍🚀.jpg"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\udcff", "\\udcff"),
        ("gpj.\u202ephoto", "gpj.\\u202ephoto"),
    ],
)
def test_names_are_shown_on_one_line_and_not_obeyed(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_results_go_to_stdout_and_the_rest_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.done("done")
    console.warning("odd")
    console.detail("numbers")
    console.error("no face.", "Try another.")
    console.path(Path("out.jpg"))
    assert capsys.readouterr() == ("out.jpg\n", "done\nwarning: odd\nerror: no face. Try another.\n")


def test_quiet_says_only_errors(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.quiet = console.verbose = True
    console.done("done")
    console.warning("odd")
    console.detail("numbers")
    console.error("no face.")
    assert capsys.readouterr() == ("", "error: no face.\n")


def test_verbose_tells_details_and_causes(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.verbose = True
    console.detail("numbers")
    error = OutputError("it cannot be written.")
    error.__cause__ = ValueError("odd\nvalue")
    console.failure(error)
    assert capsys.readouterr().err == "numbers\nerror: it cannot be written.\ncaused by ValueError: odd\\nvalue\n"


def test_json_replaces_paths_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.json = True
    console.path(Path("out.jpg"))
    console.record(ok=True, file="é\n\udcff")
    console.failure(NoFaceError("no face.", hint="Try another."), file="a.jpg")
    out, err = capsys.readouterr()
    assert out.isascii()
    assert [json.loads(line) for line in out.splitlines()] == [
        {"schema": 1, "ok": True, "file": "é\n\udcff"},
        {
            "schema": 1,
            "ok": False,
            "file": "a.jpg",
            "error": {"code": "no-face", "message": "no face.", "hint": "Try another.", "exit_code": 3},
        },
    ]
    assert err == "error: no face. Try another.\n"


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "latin-1"])
@pytest.mark.skipif(os.name != "posix", reason="names are bytes only here")
def test_a_path_keeps_its_bytes_whatever_the_encoding(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    name = "é".encode() + b"\xff.jpg"
    Console().path(Path(os.fsdecode(name)))
    assert raw.getvalue() == name + b"\n"


def test_stderr_that_lacks_a_character_gets_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding="ascii"))
    Console().error('no face in "é.jpg".')
    assert raw.getvalue() == b'error: no face in "\\xe9.jpg".\n'


def test_closed_streams_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    console = Console()
    console.path(Path("out.jpg"))
    console.error("no face.")
    with console.busy("working"):
        pass


def test_a_reader_that_has_gone_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", failing(32))  # EPIPE
    with pytest.raises(Stopped) as stop:
        Console().path(Path("out.jpg"))
    assert stop.value.exit_code == 141


def test_a_full_disk_behind_stdout_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", failing(28))  # ENOSPC
    with pytest.raises(OutputError, match="standard output: No space left"):
        Console().path(Path("out.jpg"))


def test_a_log_nobody_reads_does_not_end_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", failing(32))
    Console().done("done")


COLUMNS = ("index", "size", "")
ROWS = [("0", "120", ""), ("11", "9", "too small")]


def test_a_table_is_aligned_text_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    Console().table(COLUMNS, ROWS)
    assert capsys.readouterr().out == "index  size\n    0   120\n   11     9  too small\n"


def test_a_table_is_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = Terminal()
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setenv("TERM", "xterm")
    Console().table(COLUMNS, ROWS)
    drawn = stdout.getvalue()
    assert "───" in drawn
    assert "too small" in drawn


def test_a_terminal_too_narrow_for_the_table_gets_whole_numbers_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = Terminal()
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    Console().table(COLUMNS, ROWS)
    assert stdout.getvalue() == "index  size\n    0   120\n   11     9  too small\n"


def test_a_terminal_gets_colour_but_not_with_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr(sys, "stderr", colourful := Terminal())
    Console().error("no face in [red]a.jpg[/].")
    assert "\x1b[1;31merror: " in colourful.getvalue()
    assert "no face in [red]a.jpg[/]." in colourful.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", plain := Terminal())
    Console().error("no face.")
    assert "31m" not in plain.getvalue()


def test_an_address_is_not_cut_in_two_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"https://example.org/{'x' * 150}/file.onnx"
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    Console().error("the file cannot be had.", f"Or get {address} in another way.")
    Console().error(address)
    said = re.sub(r"\x1b\[[\d;]*m", "", stream.getvalue()).splitlines()
    assert address in said
    assert said[0].startswith("error: the file cannot be had.")
    assert said[-1] == f"error: {address}"
    assert " ".join(said[:-1]) == f"error: the file cannot be had. Or get {address} in another way."


def test_the_spinner_turns_on_a_terminal_and_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stderr := Terminal())
    with Console().busy("working on\n[b]a.jpg[/b]"):
        pass
    assert "working on\\n[b]a.jpg[/b]" in stderr.getvalue()
    assert stderr.getvalue().endswith("\x1b[?25h\r\x1b[1A\x1b[2K")  # cursor shown again, line erased


@pytest.mark.parametrize("how", ["quiet", "dumb", "pipe"])
def test_elsewhere_there_is_no_spinner(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setenv("TERM", "dumb" if how == "dumb" else "xterm")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("FORCE_COLOR", "1")
    stderr = io.StringIO() if how == "pipe" else Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    console = Console()
    console.quiet = how == "quiet"
    with console.busy("working"):
        pass
    assert stderr.getvalue() == ""
