"""How the progress of videos is shown."""

from __future__ import annotations

import io
import sys
import time
from typing import TYPE_CHECKING

import pytest

from facefusion_cli.cli.bars import Speed
from facefusion_cli.cli.console import Console
from facefusion_cli.cli.video_progress import Lines, show_many, show_one

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from facefusion_cli.cli.video_bar import Board
    from facefusion_cli.core.media.formats import Kind
    from facefusion_cli.core.media.video.watcher import VideoWatcher

VIDEO, PICTURE = "talk[1].mp4", "face.jpg"


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


def shown_one(
    console: Console,
    name: str,
    board: Board | None = None,
    *,
    count: str = "",
    check: Callable[[], None] = nothing,
) -> AbstractContextManager[VideoWatcher]:
    kind: Kind = "video" if name == VIDEO else "picture"
    return show_one(console, name, f"face of ada.jpg -> {name}", count, kind, check, board)


@pytest.mark.parametrize(
    ("columns", "shown", "hidden"),
    [(120, "40/100", "none"), (120, "2 faces", "none"), (80, "40/100", "faces"), (50, "40 %", "40/100")],
)
def test_a_video_has_a_bar_that_goes_when_it_is_done(
    use_terminal: Callable[[int], Terminal], columns: int, shown: str, hidden: str
) -> None:
    terminal = use_terminal(columns)
    console = Console()
    with shown_one(console, VIDEO, count=" (1 of 2)") as watcher:
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
    with shown_one(Console(), VIDEO) as watcher:
        for done in (0, 40, 100):
            watcher.stage("swapping", done, 100)
    assert terminal.getvalue().count("going on at frame") == 1


def test_several_at_a_time_have_a_row_each_and_one_for_all(use_terminal: Callable[[int], Terminal]) -> None:
    terminal = use_terminal(120)
    console = Console()
    with show_many(console, 3, 2) as board:
        assert board is not None
        with shown_one(console, VIDEO, board) as one:
            one.stage("swapping", 0, 10)
            with shown_one(console, PICTURE, board) as other:
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
    with show_many(console, 3, 2) as board, shown_one(console, VIDEO, board) as watcher:
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
            shown_one(Console(), VIDEO, check=end) as watcher,
        ):
            getattr(watcher, tell)(*arguments)


def test_a_chunk_is_named_on_a_bar_and_has_a_line_in_a_log(
    use_terminal: Callable[[int], Terminal], capsys: pytest.CaptureFixture[str]
) -> None:
    def chunks(watcher: VideoWatcher) -> None:
        watcher.stage("speaking", 0, 6150)
        for number in (1, 2, 3):
            watcher.chunk(number, 41)
            watcher.progress(150, 1)

    chunks(Lines(Console(), "talk.mp4", nothing))
    assert capsys.readouterr().err.splitlines() == [
        f"talk.mp4: moving lips, chunk {number} of 41" for number in (1, 2, 3)
    ]
    terminal = use_terminal(120)
    with shown_one(Console(), VIDEO) as watcher:
        chunks(watcher)
        assert terminal.shows("chunk 3/41")
        assert terminal.shows("450/6150")


def test_sound_is_told_in_time_and_not_in_frames(
    use_terminal: Callable[[int], Terminal], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console()
    console.verbose = True
    times = iter((0.0, *(float(second) for second in range(2, 12))))
    lines = Lines(console, "talk.mp4", nothing, lambda: next(times))
    lines.stage("listening", 0, 600)
    for _ in range(10):
        lines.progress(60, 0)
    err = capsys.readouterr().err
    assert "hearing the sound, 1:00 of 10:00, 30.0 times as fast as it sounds" in err
    assert "frame" not in err
    lines = Lines(console, "talk.mp4", nothing, lambda: 0.0)
    lines.stage("listening", 90, 600)
    assert capsys.readouterr().err == "talk.mp4: hearing the sound, going on at 1:30 of 10:00\n"
    now = [0.0]
    monkeypatch.setattr("facefusion_cli.cli.video_bar.Speed", lambda: Speed(lambda: now[0]))
    terminal = use_terminal(120)
    with shown_one(Console(), VIDEO) as watcher:
        watcher.stage("listening", 0, 600)
        now[0] = 3.0
        watcher.progress(90, 0)
        assert terminal.shows("1:30/10:00")
        assert terminal.shows("30x     0:17")
    assert "fps" not in terminal.getvalue()


def test_sound_of_unknown_length_is_told_by_what_was_heard(
    use_terminal: Callable[[int], Terminal], capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console()
    console.verbose = True
    lines = Lines(console, "talk.mp4", nothing, lambda: 0.0)
    lines.stage("listening", 0, 0)
    for _ in range(1300):
        lines.progress(1, 0)
    assert capsys.readouterr().err.splitlines() == [
        "talk.mp4: hearing the sound",
        "talk.mp4: hearing the sound, 10:00",
        "talk.mp4: hearing the sound, 20:00",
    ]
    terminal = use_terminal(120)
    with shown_one(Console(), VIDEO) as watcher:
        watcher.stage("listening", 0, 0)
        watcher.progress(75, 0)
        assert terminal.shows("1:15")


def test_a_stage_without_an_end_has_no_figures(use_terminal: Callable[[int], Terminal]) -> None:
    terminal = use_terminal(120)
    with shown_one(Console(), VIDEO) as watcher:
        watcher.stage("speaking", 0, 250)
        watcher.progress(250, 1)
        assert terminal.shows("250/250")
        watcher.stage("joining", 0, 0)
        assert terminal.shows("putting the pieces together")
    assert "0/250" not in terminal.getvalue().partition("putting the pieces together")[2]
