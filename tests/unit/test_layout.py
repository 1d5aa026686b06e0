"""Facts as lines of text."""

from __future__ import annotations

import io
import sys

import pytest

from facefusion_cli.cli.console import Console
from facefusion_cli.cli.layout import fact_lines

FACTS = [
    ("ok", "one", "1"),
    ("", "second", "a text of several words that has to be wrapped somewhere"),
    ("problem", "a-name-longer-than-any-other-one", "/a/path/that/must/not/be/cut/in/two/anywhere"),
]


def test_columns_are_aligned() -> None:
    first, second, third = fact_lines(FACTS, None)
    assert first == "ok       one     1"
    assert second == "         second  a text of several words that has to be wrapped somewhere"
    assert third == "problem  a-name-longer-than-any-other-one  /a/path/that/must/not/be/cut/in/two/anywhere"


def test_long_texts_go_on_under_their_own_beginning() -> None:
    assert fact_lines(FACTS[:2], 50) == [
        "ok       one     1",
        "         second  a text of several words that has",
        "                 to be wrapped somewhere",
    ]


@pytest.mark.parametrize("width", [1, 20, 40, 79])
def test_no_word_is_lost_or_cut_however_narrow(width: int) -> None:
    lines = fact_lines(FACTS, width)
    words = " ".join(lines).split()
    assert words == [word for mark, name, text in FACTS for word in f"{mark} {name} {text}".split()]


def test_nothing_to_say() -> None:
    assert fact_lines([("ok", "name", "")], 80) == ["ok       name"]
    assert fact_lines([("ok", "name", "")], None) == ["ok       name"]
    assert fact_lines([], 80) == []


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", "é \\x1b[31m [bold]"), ("ascii", "\\xe9 \\x1b[31m [bold]")])
def test_a_terminal_shows_what_it_can_and_obeys_nothing(
    monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str
) -> None:
    raw = io.BytesIO()
    terminal = io.TextIOWrapper(raw, encoding=encoding)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    Console().section("Title", [("info", "name", "é \x1b[31m [bold]")])
    terminal.flush()
    assert f"         name  {shown}\n" in raw.getvalue().decode(encoding)
