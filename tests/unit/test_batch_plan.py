"""What a run would do with each file, and how that and its end are told."""

from __future__ import annotations

import gc
import io
import json
import os
import re
import sys
import weakref
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from facefusion_cli.cli.console import Console
from facefusion_cli.cli.dry_run import show_plan
from facefusion_cli.cli.summary import show_summary
from facefusion_cli.core.batch.journal import FolderJournal
from facefusion_cli.core.batch.plan import Planned, plan_actions
from facefusion_cli.core.batch.summary import Summary
from facefusion_cli.core.failures import explained
from facefusion_cli.core.media.outputs import Output, plan_outputs
from facefusion_cli.errors import FaceFusionError, InputError, NoFaceError, ProgramError

ADA: dict[str, Any] = {"source": "ada"}
BOB: dict[str, Any] = {"source": "bob"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    for name in ("old", "done", "changed", "new"):
        Path(f"{name}.jpg").write_bytes(b"x")
        if name != "new":
            Path("out", f"{name}.jpg").write_bytes(b"x")
    journal = FolderJournal(Path("out"))
    journal.record(Path("out/done.jpg"), ADA)
    journal.record(Path("out/changed.jpg"), ADA)
    Path("out/changed.jpg").write_bytes(b"another")
    return tmp_path


def actions(made_from: dict[str, Any] = ADA, *, clobber: bool = True, force: bool = False) -> dict[str, str]:
    targets = [Path(f"{name}.jpg") for name in ("old", "done", "changed", "new")]
    outputs = plan_outputs(targets, "out", clobber=clobber)
    plan = plan_actions(outputs, None if force else FolderJournal(Path("out")), lambda _output: made_from)
    return {one.output.target.stem: one.action for one in plan}


def test_only_what_is_the_same_is_skipped() -> None:
    assert actions() == {"old": "replace", "done": "skip", "changed": "replace", "new": "make"}
    assert actions(BOB) == {"old": "replace", "done": "replace", "changed": "replace", "new": "make"}
    assert actions(force=True) == {"old": "replace", "done": "replace", "changed": "replace", "new": "make"}
    assert actions(clobber=False) == {"old": "refuse", "done": "skip", "changed": "refuse", "new": "make"}


def test_of_a_sound_that_cannot_be_read_it_would_fail() -> None:
    Path("empty.wav").touch()
    outputs = [Output(Path("new.jpg"), Path("x.mp4"), "replace", sound=Path(name)) for name in ("empty.wav", "no.wav")]
    plan = plan_actions(outputs, None, lambda _output: ADA)
    assert [(one.action, str(one.error)) for one in plan] == [
        ("fail", '"empty.wav" is empty.'),
        ("fail", 'there is no file "no.wav".'),
    ]


@pytest.mark.parametrize("error", [InputError, ProgramError])
def test_only_what_might_be_done_is_looked_into(error: type[FaceFusionError]) -> None:
    asked = []

    def made_from(output: Output) -> dict[str, Any]:
        asked.append(output.target.stem)
        raise error("it cannot be had.")

    outputs = plan_outputs([Path(f"{name}.jpg") for name in ("old", "done", "changed", "new")], "out")
    plan = plan_actions(outputs, FolderJournal(Path("out")), made_from)
    assert asked == ["done"]
    assert [one.action for one in plan] == ["replace", "replace", "replace", "make"]


def test_a_number_makes_room() -> None:
    Path("new_swapped.jpg").write_bytes(b"x")
    (planned,) = plan_actions(plan_outputs([Path("new.jpg")], None), None, lambda _output: ADA)
    assert planned.action == "make"


def test_a_target_that_cannot_be_read_would_fail() -> None:
    Path("folder").mkdir()
    Path("empty.jpg").touch()
    os.mkfifo("pipe.jpg")
    names = ("folder", "empty.jpg", "pipe.jpg", "nowhere.jpg")
    plan = plan_actions([Output(Path(name), Path("out", name), "replace") for name in names], None, lambda _output: ADA)
    assert [(one.action, str(one.error)) for one in plan] == [
        ("fail", '"folder" is a folder, not a file.'),
        ("fail", '"empty.jpg" is empty.'),
        ("fail", '"pipe.jpg" is not an ordinary file.'),
        ("fail", 'there is no file "nowhere.jpg".'),
    ]


PLAN = [
    Planned(Output(Path("a.jpg"), Path("out/a.jpg"), "replace"), "make"),
    Planned(Output(Path("b.mp4"), Path("out/b.mp4"), "replace", "video"), "skip"),
    Planned(Output(Path("c\n.jpg"), Path("out/c\n.jpg"), "refuse"), "refuse"),
]


def test_a_plan_in_lines(capfd: pytest.CaptureFixture[str]) -> None:
    show_plan(Console(), PLAN[:2])
    assert capfd.readouterr() == ("a.jpg -> out/a.jpg  make\nb.mp4 -> out/b.mp4  skip (done before)\n", "")


def test_a_plan_for_programs(capfd: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.json = True
    show_plan(console, PLAN)
    first, second, third = map(json.loads, capfd.readouterr().out.splitlines())
    assert first == {
        "schema": 1,
        "ok": True,
        "target": "a.jpg",
        "output": "out/a.jpg",
        "kind": "picture",
        "action": "make",
    }
    assert (second["kind"], second["action"]) == ("video", "skip")
    assert (third["ok"], third["action"], third["target"]) == (False, "refuse", "c\n.jpg")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("summary", "sentence"),
    [
        (Summary(made=3, seconds=4.21), "3 made in 4.2 s."),
        (Summary(made=0, skipped=9, seconds=101.0), "0 made, 9 skipped (done before) in 1 min 41 s."),
        (
            Summary(made=1, reasons=Counter({"output": 1, "no-face": 2}), seconds=3725.0),
            "1 made, 3 failed (2 no-face, 1 output) in 1 h 02 min.",
        ),
    ],
)
def test_a_summary_in_a_sentence(capfd: pytest.CaptureFixture[str], summary: Summary, sentence: str) -> None:
    console = Console()
    show_summary(console, summary)
    assert capfd.readouterr() == ("", sentence + "\n")
    console.quiet = True
    show_summary(console, summary)
    assert capfd.readouterr() == ("", "")


def test_a_summary_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    show_summary(Console(), Summary(made=12, reasons=Counter({"no-face": 2, "bad-input": 1}), seconds=8.0))
    lines = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).splitlines()
    assert [line.split() for line in lines if line.strip() and "─" not in line] == [
        ["files"],
        ["made", "12", "in", "8.0", "s"],
        ["failed", "3", "2", "no-face,", "1", "bad-input"],
    ]


class Pixels:
    pass


@pytest.mark.parametrize("error", [RuntimeError, MemoryError, NoFaceError], ids=lambda error: error.__name__)
def test_an_explained_error_goes_with_its_pixels(error: type[Exception]) -> None:
    alive: weakref.WeakSet[Pixels] = weakref.WeakSet()

    def work() -> None:
        picture = Pixels()
        alive.add(picture)
        raise error("odd")

    gc.disable()
    try:
        try:
            work()
        except Exception as caught:  # noqa: BLE001
            words = explained(caught)
        assert {RuntimeError: "this is a bug", MemoryError: "not enough memory", NoFaceError: "odd"}[error] in str(
            words
        )
        del words
        assert len(alive) == 0
    finally:
        gc.enable()
