"""How the progress of downloads is shown, and questions asked."""

from __future__ import annotations

import io
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from facefusion_cli.cli.bars import Speed
from facefusion_cli.cli.console import Console
from facefusion_cli.cli.offer import asker, displayer
from facefusion_cli.cli.progress import Lines, show_progress
from facefusion_cli.core.sizes import in_words
from facefusion_cli.core.weights.provision import Offer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Catalog
    from facefusion_cli.core.weights.watcher import Watcher

MB = 1_000_000


class Terminal(io.StringIO):
    """A text stream that claims to be a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def shows(self, text: str) -> bool:
        """Whether the text comes up sooner or later."""
        for _ in range(1000):
            if text in self.getvalue():
                return True
            time.sleep(0.01)
        return False

    def end(self) -> list[str]:
        """The last lines, as they stay on the screen."""
        return [line.rstrip() for line in self.getvalue().split("\x1b[2K")[-1].splitlines()]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def use_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Puts a terminal of 80 columns behind stderr; called by the test itself, or else pytest puts its own there."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")

    def use() -> Terminal:
        monkeypatch.setattr(sys, "stderr", terminal := Terminal())
        return terminal

    return use


def fetch(watcher: Watcher, name: str, *, start: int, size: int) -> None:
    """What a download tells."""
    watcher.stage(name, "connecting")
    watcher.stage(name, "downloading")
    for done in (start, (start + size) // 2, size):
        watcher.progress(name, done, size)
    watcher.stage(name, "verifying")
    watcher.stage(name, "stored")


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (554_253_681, "554.3 MB"),
        (2_500_000_000, "2.5 GB"),
        (7_100_000_000_000, "7.1 TB"),
    ],
)
def test_sizes_are_said_in_words(size: int, words: str) -> None:
    assert in_words(size) == words


def test_a_log_gets_a_line_at_the_start_and_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = Lines(Console(), clock)
    lines.stage("net", "connecting")
    lines.stage("net", "downloading")
    lines.progress("net", 0, 20 * MB)
    clock.now += 4
    lines.progress("net", 20 * MB, 20 * MB)
    lines.stage("net", "verifying")
    lines.stage("net", "stored")
    assert capsys.readouterr() == ("", "net: fetching, 20.0 MB\nnet: stored, 20.0 MB in 4.0 s\n")


def test_a_log_tells_where_a_download_is_gone_on_with(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(Console(), Clock())
    fetch(lines, "net", start=15 * MB, size=20 * MB)
    fetch(lines, "other", start=0, size=MB)
    assert capsys.readouterr().err == (
        "net: fetching, 20.0 MB, from 15.0 MB on\nnet: stored, 5.0 MB in 0.0 s\n"
        "other: fetching, 1.0 MB\nother: stored, 1.0 MB in 0.0 s\n"
    )


def test_a_log_tells_of_a_file_that_another_process_fetched(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(Console())
    lines.stage("net", "waiting")
    lines.stage("net", "stored")
    lines.note("something is odd.")
    assert capsys.readouterr().err == "net: waiting for another process\nnet: stored\nwarning: something is odd.\n"


def test_a_verbose_log_gets_every_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.verbose = True
    lines = Lines(console, Clock())
    lines.stage("net", "downloading")
    for done in range(25, 101):
        lines.progress("net", done * MB, 100 * MB)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "net: fetching, 100.0 MB, from 25.0 MB on"
    assert said[1:3] == ["net: 30 %, 30.0 MB of 100.0 MB", "net: 40 %, 40.0 MB of 100.0 MB"]
    assert len(said) == 1 + 8


def test_a_quiet_log_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.quiet = True
    with show_progress(console, {"net": MB}) as watcher:
        fetch(watcher, "net", start=0, size=MB)
        watcher.note("something is odd.")
    assert capsys.readouterr() == ("", "")


def test_a_log_and_a_quiet_terminal_get_no_bars(
    use_terminal: Callable[[], Terminal], capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = use_terminal()
    console = Console()
    console.quiet = True
    with show_progress(console, {"net": MB}) as watcher:
        fetch(watcher, "net", start=0, size=MB)
    assert terminal.getvalue() == ""


def test_bars_stay_on_the_terminal_and_give_the_cursor_back(use_terminal: Callable[[], Terminal]) -> None:
    terminal = use_terminal()
    with show_progress(Console(), {"one": 20 * MB, "two": 5 * MB}) as watcher:
        assert terminal.getvalue() == "", "nothing is drawn before there is news"
        fetch(watcher, "one", start=0, size=20 * MB)
        watcher.stage("two", "connecting")
        watcher.stage("two", "downloading")
        watcher.progress("two", 2 * MB, 5 * MB)
        assert terminal.shows(" 2.0/5.0 MB")
        assert terminal.shows("22.0/25.0 MB")
    assert "\x1b[?25l" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[?25h")
    one, two, total, _ = terminal.end()
    assert one.startswith("one ")
    assert one.endswith("20.0 MB  stored")
    assert two.endswith("5.0 MB  failed")
    assert total.endswith("22.0/25.0 MB")


def test_a_lone_file_needs_no_bar_of_all(use_terminal: Callable[[], Terminal]) -> None:
    terminal = use_terminal()
    with show_progress(Console(), {"one": 20 * MB}) as watcher:
        fetch(watcher, "one", start=0, size=20 * MB)
    assert "total" not in terminal.getvalue()


def test_an_interrupted_download_shows_how_far_it_came(use_terminal: Callable[[], Terminal]) -> None:
    terminal = use_terminal()
    with suppress(KeyboardInterrupt), show_progress(Console(), {"one": 20 * MB}) as watcher:
        watcher.stage("one", "downloading")
        watcher.progress("one", 7 * MB, 20 * MB)
        raise KeyboardInterrupt
    assert terminal.end()[0].endswith(" 7.0/20.0 MB")
    assert terminal.getvalue().endswith("\x1b[?25h")


def test_other_work_than_fetching_is_said_in_words(use_terminal: Callable[[], Terminal]) -> None:
    terminal = use_terminal()
    with show_progress(Console(), {"one": 20 * MB}) as watcher:
        watcher.stage("one", "waiting")
        assert terminal.shows("20.0 MB  waiting for another process")
        watcher.stage("one", "verifying")
        assert terminal.shows("20.0 MB  checking")


def test_an_archive_gets_a_bar_when_its_turn_comes(use_terminal: Callable[[], Terminal]) -> None:
    terminal = use_terminal()
    with show_progress(Console(), {"one": 20 * MB, "two": 5 * MB}) as watcher:
        fetch(watcher, "pack", start=0, size=30 * MB)
        watcher.stage("one", "stored")
        watcher.stage("two", "stored")
    assert [line.split()[0] for line in terminal.end()[:-1]] == ["one", "two", "total", "pack"]


@pytest.mark.parametrize(("succeeds", "ends"), [(True, "stored"), (False, "failed")])
def test_a_weight_has_not_failed_while_an_archive_may_bring_it(
    use_terminal: Callable[[], Terminal], succeeds: bool, ends: str
) -> None:
    terminal = use_terminal()
    with show_progress(Console(), {"one": 20 * MB}) as watcher:
        watcher.stage("one", "connecting")
        watcher.stage("pack", "connecting")
        watcher.stage("pack", "downloading")
        watcher.progress("pack", 10 * MB, 30 * MB)
        assert terminal.shows("20.0 MB  from pack")
        assert terminal.shows("10.0/30.0 MB")
        if succeeds:
            watcher.stage("pack", "verifying")
            watcher.stage("one", "verifying")
            watcher.stage("one", "stored")
            watcher.stage("another", "verifying")
            watcher.stage("another", "stored")
            watcher.stage("pack", "stored")
        assert "failed" not in terminal.getvalue()
    assert terminal.end()[0].endswith(f"20.0 MB  {ends}")
    assert terminal.end()[1].endswith(f"30.0 MB  {ends}")


def test_an_archive_that_was_never_reached_leaves_no_bar(use_terminal: Callable[[], Terminal]) -> None:
    terminal = use_terminal()
    with show_progress(Console(), {"one": 20 * MB}) as watcher:
        watcher.stage("one", "connecting")
        watcher.stage("pack", "connecting")
    assert [line.split()[0] for line in terminal.end()[:-1]] == ["one"]


def test_no_line_is_as_wide_as_the_terminal(
    use_terminal: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = use_terminal()
    # Else "^C", which the terminal itself shows, begins another line and the next drawing goes askew.
    for width in (60, 80):
        monkeypatch.setenv("COLUMNS", str(width))
        with show_progress(Console(), {"inswapper_128_fp16": 554 * MB, "two": MB}) as watcher:
            watcher.stage("inswapper_128_fp16", "downloading")
            watcher.progress("inswapper_128_fp16", 123 * MB, 554 * MB)
            assert terminal.shows("123.0/554.0 MB")
        assert all(len(line) <= width - 2 for line in terminal.end())
        assert terminal.end()[0].startswith("inswapper_128_fp16 ")


def test_results_and_notes_come_out_above_the_bars(
    use_terminal: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = use_terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    console = Console()
    long = "/a/folder/with/a/rather/long/name/" * 3 + "net.onnx"
    with show_progress(console, {"one": MB}) as watcher:
        watcher.stage("one", "downloading")
        watcher.note("something is odd.")
        console._result(long)
    assert "warning: something is odd.\n" in terminal.getvalue()
    assert f"{long}\n" in terminal.getvalue(), "it can be copied whole"
    assert terminal.end()[0].startswith("one ")


def test_results_keep_out_of_the_bars_in_a_pipe(
    use_terminal: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terminal = use_terminal()
    monkeypatch.setattr(sys, "stdout", pipe := io.StringIO())
    console = Console()
    with show_progress(console, {"one": MB}) as watcher:
        watcher.stage("one", "downloading")
        console.path(tmp_path)
    assert pipe.getvalue() == f"{tmp_path}\n"
    assert str(tmp_path) not in terminal.getvalue()


def test_speed_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    speed = Speed(clock)
    assert speed.now() is None
    speed.moved(0)
    for second in range(1, 31):
        clock.now += 1
        speed.moved(second * (MB if second <= 15 else 2 * MB) - (0 if second <= 15 else 15 * MB))
    assert speed.now() == pytest.approx(2 * MB)


def test_speed_does_not_count_what_was_there_before() -> None:
    clock = Clock()
    speed = Speed(clock)
    speed.moved(400 * MB)
    assert speed.now() is None
    clock.now += 2
    speed.moved(402 * MB)
    assert speed.now() == pytest.approx(MB)
    speed.moved(0)
    assert speed.now() is None, "it had to start again"
    clock.now += 2
    speed.moved(6 * MB)
    assert speed.now() == pytest.approx(3 * MB)
    speed.restart()
    assert speed.now() is None


def test_speed_sinks_while_nothing_comes() -> None:
    clock = Clock()
    speed = Speed(clock)
    speed.moved(0)
    clock.now += 2
    speed.moved(8 * MB)
    clock.now += 2
    assert speed.now() == pytest.approx(2 * MB)
    clock.now += 20
    assert speed.now() == 0.0


@pytest.mark.parametrize(
    ("typed", "agreed"),
    [("y\n", True), ("Yes\n", True), (" y \n", True), ("\n", False), ("n\n", False), ("yo\n", False), ("", False)],
)
def test_only_a_yes_is_a_yes(
    monkeypatch: pytest.MonkeyPatch, use_terminal: Callable[[], Terminal], typed: str, agreed: bool
) -> None:
    terminal = use_terminal()
    stdin = Terminal(typed)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert Console().can_ask
    assert Console().ask("Fetch them?") == agreed
    assert terminal.getvalue() == "Fetch them? [y/N] " + ("" if typed else "\n")


def test_nobody_is_asked_without_a_terminal_on_both_sides(
    monkeypatch: pytest.MonkeyPatch, use_terminal: Callable[[], Terminal]
) -> None:
    use_terminal()
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert not Console().can_ask
    monkeypatch.setattr(sys, "stdin", None)
    assert not Console().can_ask
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert Console().can_ask
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not Console().can_ask


def offer_of(catalog: Catalog) -> Offer:
    weights = catalog.weights[:2]
    return Offer("best", weights, 745 * MB, (weights[0].licence,))


@pytest.mark.parametrize(("typed", "agreed"), [("y\n", True), ("n\n", False)])
def test_an_offer_names_engine_terms_and_size(
    monkeypatch: pytest.MonkeyPatch,
    use_terminal: Callable[[], Terminal],
    toy_catalog: Catalog,
    typed: str,
    agreed: bool,
) -> None:
    terminal = use_terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    ask = asker(Console())
    assert ask is not None
    assert ask(offer_of(toy_catalog)) == agreed
    said = terminal.getvalue()
    for part in ("The best engine", "non-commercial", "Toys: for play only", "https://toys.test/licence", "745.0 MB?"):
        assert part in said
    assert ("not asked again" in said) != agreed


@pytest.mark.parametrize("how", ["quiet", "json", "pipe"])
def test_no_offer_is_made_where_it_would_disturb(
    monkeypatch: pytest.MonkeyPatch, use_terminal: Callable[[], Terminal], how: str
) -> None:
    use_terminal()
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n") if how == "pipe" else Terminal("y\n"))
    console = Console()
    console.quiet, console.json = how == "quiet", how == "json"
    assert asker(console) is None


def test_engines_show_the_same_bars(use_terminal: Callable[[], Terminal], toy_catalog: Catalog) -> None:
    terminal = use_terminal()
    with displayer(Console())(toy_catalog.weights[:2]) as watcher:
        watcher.stage("alpha", "stored")
    assert [line.split()[0] for line in terminal.end()[:-1]] == ["alpha", "beta", "total"]


def test_terms_are_said_even_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.quiet = True
    console.notice("These are the terms.")
    assert capsys.readouterr() == ("", "These are the terms.\n")


COLUMNS = ("name", "size", "state", "path")
ROWS = [("alpha", "1.0 MB", "missing", "/models/alpha.onnx"), ("b", "20.0 MB", "stored", "/models/b.onnx")]
ALIGNED = """\
name      size  state    path
alpha   1.0 MB  missing  /models/alpha.onnx
b      20.0 MB  stored   /models/b.onnx
"""


def test_columns_of_words_stand_to_the_left(capsys: pytest.CaptureFixture[str]) -> None:
    Console().table(COLUMNS, ROWS, words=("name", "state"), narrow=["never seen"])
    assert capsys.readouterr().out == ALIGNED


@pytest.mark.parametrize("width", [30, 100])
def test_a_narrow_terminal_gets_what_is_meant_for_it(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "stdout", stdout := Terminal())
    Console().table(COLUMNS, ROWS, words=("name", "state"), narrow=["alpha: missing", "b: stored"])
    if width == 30:
        assert stdout.getvalue() == "alpha: missing\nb: stored\n"
    else:
        assert " alpha    1.0 MB   missing   /models/alpha.onnx" in stdout.getvalue()
