"""How the progress of videos is shown."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facefusion_cli.cli.console import Console
from facefusion_cli.cli.swap_progress import Lines, show_many, show_swap
from facefusion_cli.core.media.outputs import Output

if TYPE_CHECKING:
    from collections.abc import Callable

VIDEO = Output(Path("in/talk[1].mp4"), Path("out.mp4"), "replace", "video")
PICTURE = Output(Path("in/face.jpg"), Path("out.jpg"), "replace", "picture")


class Terminal(io.StringIO):
    """A text stream that claims to be a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def shows(self, text: str) -> bool:
        """Whether the text comes up sooner or later."""
        for _ in range(500):
            if text in self.getvalue():
                return True
            time.sleep(0.01)
        return False


@pytest.fixture
def use_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Terminal]:
    """Puts a terminal of that many columns behind stderr."""
    monkeypatch.setenv("TERM", "xterm")

    def use(columns: int) -> Terminal:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "stderr", terminal := Terminal())
        return terminal

    return use


def nothing() -> None:
    pass


@pytest.mark.parametrize(
    ("columns", "shown", "hidden"),
    [(120, "40/100", "none"), (120, "2 faces", "none"), (80, "40/100", "faces"), (50, "40 %", "40/100")],
)
def test_a_video_has_a_bar_that_goes_when_it_is_done(
    use_terminal: Callable[[int], Terminal], columns: int, shown: str, hidden: str
) -> None:
    terminal = use_terminal(columns)
    console = Console()
    with show_swap(console, "ada.jpg", VIDEO, " (1 of 2)", nothing, None) as watcher:
        watcher.stage("looking", 0, 100)
        for _ in range(20):
            watcher.progress(2, 2)
        assert terminal.shows(shown)
        if columns > 64:
            assert terminal.shows("talk[1].mp4")
        watcher.note("something is odd.")
    assert hidden not in terminal.getvalue().replace("looking for faces", "")
    assert "talk[1].mp4 (1 of 2): something is odd." in terminal.getvalue().replace("\n", "")
    assert not console.drawing
    assert terminal.getvalue().endswith("\x1b[?25h") or "\x1b[?25h" in terminal.getvalue()[-60:]


def test_only_a_stage_that_is_begun_is_gone_on_with(
    use_terminal: Callable[[int], Terminal], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines(Console(), "talk.mp4", nothing)
    for done in (0, 40, 100):
        lines.stage("swapping", done, 100)
    assert capsys.readouterr().err == "talk.mp4: swapping, going on at frame 40 of 100\n"
    terminal = use_terminal(120)
    with show_swap(Console(), "ada.jpg", VIDEO, "", nothing, None) as watcher:
        for done in (0, 40, 100):
            watcher.stage("swapping", done, 100)
    assert terminal.getvalue().count("going on at frame") == 1


def test_several_at_a_time_have_a_row_each_and_one_for_all(use_terminal: Callable[[int], Terminal]) -> None:
    terminal = use_terminal(120)
    console = Console()
    with show_many(console, 3, 2) as board:
        assert board is not None
        with show_swap(console, "ada.jpg", VIDEO, "", nothing, board) as one:
            one.stage("swapping", 0, 10)
            with show_swap(console, "ada.jpg", PICTURE, "", nothing, board) as other:
                other.stage("swapping", 0, 0)
                one.progress(7, 1)
                assert terminal.shows("7/10")
            board.advance()
            assert terminal.shows("1/3")
    assert not console.drawing
    with show_many(console, 3, 1) as board:
        assert board is None


def test_without_a_terminal_there_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.verbose = True
    with show_many(console, 3, 2) as board, show_swap(console, "ada.jpg", VIDEO, "", nothing, board) as watcher:
        assert board is None
        watcher.plan("talk.mp4: 4 s.")
        watcher.stage("swapping", 0, 100)
        for _ in range(100):
            watcher.progress(1, 1)
        watcher.stage("joining", 0, 0)
    err = capsys.readouterr().err.splitlines()
    assert err[:2] == ["talk.mp4: 4 s.", "talk[1].mp4: swapping"]
    assert err[2].startswith("talk[1].mp4: swapping, frame 10 of 100")
    assert len(err) == 13
    assert err[-1] == "talk[1].mp4: putting the pieces together"


@pytest.mark.parametrize("columns", [None, 120])
def test_what_is_to_end_ends_at_the_next_word(use_terminal: Callable[[int], Terminal], columns: int | None) -> None:
    if columns is not None:
        use_terminal(columns)

    def end() -> None:
        raise KeyboardInterrupt

    for tell in ("stage", "progress", "check"):
        arguments = {"stage": ("swapping", 0, 5), "progress": (1, 0), "check": ()}[tell]
        with (
            pytest.raises(KeyboardInterrupt),
            show_swap(Console(), "ada.jpg", VIDEO, "", end, None) as watcher,
        ):
            getattr(watcher, tell)(*arguments)
