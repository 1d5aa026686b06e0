"""Work in pieces: where it is cut, and what is left of it after all kinds of ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facefusion_cli.core.media import segments
from facefusion_cli.core.media.atomic import sync_folder
from facefusion_cli.core.media.segments import Segment, Work, plan_segments, work_folders
from facefusion_cli.core.media.work_folders import KEPT_DAYS, hold, work_folder
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IDENTITY = {"inputs": ["a", "b"], "options": {"crf": 18}, "engine": "x 1"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "video.mp4"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make(work: Work, name: str, content: bytes = b"content", **facts: Any) -> Path:
    work.temporary(name).write_bytes(content)
    return work.finish(name, facts)


def interrupted(out: Path, *pieces: str) -> Work:
    """What a run leaves that was stopped after those pieces."""
    with suppress(KeyboardInterrupt), Work(out, IDENTITY) as work:
        for name in pieces:
            make(work, name, name.encode(), frames=len(name))
        raise KeyboardInterrupt
    return work


# Where it is cut


@pytest.mark.parametrize(
    ("frames", "fps", "lengths"),
    [
        (0, Fraction(25), []),
        (1, Fraction(25), [1]),
        (1500, Fraction(25), [1500]),
        (1501, Fraction(25), [750, 751]),
        (3125, Fraction(25), [1041, 1042, 1042]),
        (10, Fraction(1, 2), [10]),
        (100, Fraction(1, 2), [25, 25, 25, 25]),
        (3, Fraction(1, 100), [1, 1, 1]),
        (60000, Fraction(1000), [60000]),
        (1439, Fraction(24000, 1001), [719, 720]),
    ],
)
def test_pieces_of_at_most_a_minute(frames: int, fps: Fraction, lengths: list[int]) -> None:
    assert [segment.stop - segment.start for segment in plan_segments(0, frames, fps)] == lengths


def test_a_segment_is_plain() -> None:
    assert plan_segments(5, 8, Fraction(25)) == (Segment(0, 5, 8),)


# What stays


def test_nothing_is_left_when_it_is_done(out: Path, home: Path) -> None:
    with Work(out, IDENTITY) as work:
        assert (work.finished, work.notes) == (frozenset(), ())
        assert work.folder.parent == out.parent
        assert work.folder.name.startswith(".facefusion-")
        assert work.piece("piece-0.mp4") is None
        place = make(work, "piece-0.mp4", b"12345", frames=5)
        assert work.piece("piece-0.mp4") == place
        assert place.read_bytes() == b"12345"
        assert work.facts("piece-0.mp4") == {"frames": 5}
        assert work_folders() == [work.folder]
        work.remove()
    assert names(out.parent) == []
    assert work_folders() == []
    assert not (home / "state" / "work-folders").exists()


def test_nothing_is_left_of_work_without_a_piece(out: Path) -> None:
    with suppress(KeyboardInterrupt), Work(out, IDENTITY) as work:
        work.temporary("piece-0.mp4").write_bytes(b"half")
        raise KeyboardInterrupt
    assert names(out.parent) == []
    assert work_folders() == []


def test_finished_pieces_are_found_again_and_others_are_gone(out: Path) -> None:
    before = interrupted(out, "one.mp4", "two.bin")
    before.folder.joinpath("foreign.txt").write_text("left by something else")
    before.folder.joinpath("unfinished-0-three.mp4").write_bytes(b"half")
    with Work(out, IDENTITY) as work:
        assert (work.finished, work.notes) == (frozenset({"one.mp4", "two.bin"}), ())
        assert work.piece("one.mp4") is not None
        assert work.facts("two.bin") == {"frames": 7}
        assert work.piece("three.mp4") is None
        assert names(work.folder) == ["journal.jsonl", "lock", "one.mp4", "two.bin"]
        make(work, "three.mp4")
    with Work(out, {key: IDENTITY[key] for key in reversed(IDENTITY)}) as work:
        assert [name for name in ("one.mp4", "two.bin", "three.mp4") if work.piece(name)] == [
            "one.mp4",
            "two.bin",
            "three.mp4",
        ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"options": {"crf": 19}}, "the options have changed."),
        ({"engine": "y"}, "the engine has changed."),
        ({"inputs": [], "options": {}}, "the inputs and the options have changed."),
        ({"face_map": 1}, "the face map has changed."),
    ],
)
def test_pieces_made_from_something_else_are_thrown_away(out: Path, change: dict[str, Any], words: str) -> None:
    interrupted(out, "one.mp4")
    with Work(out, {**IDENTITY, **change}) as work:
        assert not work.finished
        assert work.piece("one.mp4") is None
        assert len(work.notes) == 1
        assert work.notes[0].endswith(words)
        assert names(work.folder) == ["journal.jsonl", "lock"]


def test_resuming_can_be_declined(out: Path) -> None:
    interrupted(out, "one.mp4")
    with Work(out, IDENTITY, resume=False) as work:
        assert not work.finished
        assert work.piece("one.mp4") is None
        assert "as was asked" in work.notes[0]
    with Work(out, IDENTITY, resume=False) as work:
        assert work.notes == ()


@pytest.mark.parametrize("damage", ["missing", "shorter", "longer", "folder", "link"])
def test_a_piece_that_is_not_what_was_finished_is_none(out: Path, damage: str) -> None:
    before = interrupted(out, "one.mp4", "two.mp4")
    piece = before.folder / "one.mp4"
    content = piece.read_bytes()
    piece.unlink()
    if damage == "shorter":
        piece.write_bytes(content[:-1])
    elif damage == "longer":
        piece.write_bytes(content + b"x")
    elif damage == "folder":
        piece.mkdir()
    elif damage == "link":
        piece.symlink_to(before.folder / "two.mp4")
    with Work(out, IDENTITY) as work:
        assert work.piece("one.mp4") is None
        assert work.piece("two.mp4") is not None
        make(work, "one.mp4", b"again")
        assert work.piece("one.mp4") is not None


def test_a_piece_that_vanishes_during_the_work_is_none(out: Path) -> None:
    with Work(out, IDENTITY) as work:
        make(work, "one.mp4").unlink()
        assert work.piece("one.mp4") is None


def test_a_piece_can_be_made_again(out: Path) -> None:
    with Work(out, IDENTITY) as work:
        make(work, "one.mp4", b"first", frames=1)
        make(work, "one.mp4", b"other", frames=2)
    with Work(out, IDENTITY) as work:
        assert work.facts("one.mp4") == {"frames": 2}
        assert (work.folder / "one.mp4").read_bytes() == b"other"


def test_a_temporary_name_is_new_each_time_and_keeps_its_suffix(out: Path) -> None:
    with Work(out, IDENTITY) as work:
        first = work.temporary("one.mp4")
        first.write_bytes(b"half")
        second = work.temporary("one.mp4")
        assert not first.exists()
        assert first != second
        assert second.suffix == ".mp4"
        assert second.parent == work.folder


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "lock", "journal.jsonl", "unfinished-x"])
def test_names_of_pieces_are_plain(out: Path, name: str) -> None:
    with Work(out, IDENTITY) as work, pytest.raises(ValueError, match="no name"):
        work.temporary(name)


@settings(max_examples=30)
@given(cut=st.integers(0, 400), junk=st.binary(max_size=20))
def test_a_torn_journal_costs_pieces_and_never_lies(
    tmp_path_factory: pytest.TempPathFactory, cut: int, junk: bytes
) -> None:
    out = tmp_path_factory.mktemp("torn") / "video.mp4"
    before = interrupted(out, "one.mp4", "two.mp4", "three.mp4")
    journal = before.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:cut] + junk)
    with Work(out, IDENTITY) as work:
        found = [name for name in ("one.mp4", "two.mp4", "three.mp4") if work.piece(name)]
        assert found == ["one.mp4", "two.mp4", "three.mp4"][: len(found)]
        assert all(work.facts(name) == {"frames": len(name)} for name in found)
        assert {path.name for path in work.folder.glob("*.mp4")} == {*found}
        make(work, "four.mp4")
    with Work(out, IDENTITY) as work:
        assert [name for name in ("one.mp4", "two.mp4", "three.mp4") if work.piece(name)] == found
        assert work.piece("four.mp4") is not None
        work.remove()


def test_a_line_that_is_damaged_in_the_middle_costs_that_piece(out: Path) -> None:
    before = interrupted(out, "one.mp4", "two.mp4", "three.mp4")
    journal = before.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"two.mp4"', b'"two\0\0\0\0\0'))
    with Work(out, IDENTITY) as work:
        assert [bool(work.piece(name)) for name in ("one.mp4", "two.mp4", "three.mp4")] == [True, False, True]


def test_a_line_without_end_is_a_damaged_one(out: Path) -> None:
    before = interrupted(out, "one.mp4")
    journal = before.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b"[" * 200_000 + b"\n")
    with Work(out, IDENTITY) as work:
        assert work.piece("one.mp4") is not None


# Who else is there


def test_f46_a_second_run_for_the_same_output_is_refused_at_once(out: Path, tmp_path: Path) -> None:
    (tmp_path / "link.mp4").symlink_to(out)
    with Work(out, IDENTITY) as work:
        make(work, "one.mp4")
        for same in (out, tmp_path / "link.mp4", out.parent / ".." / "out" / out.name):
            with pytest.raises(OutputError, match="another run is working"), Work(same, {"other": 1}):
                pass
        with Work(out.with_name("other.mp4"), IDENTITY) as other:
            other.remove()
        assert work.piece("one.mp4") is not None
    with Work(out, IDENTITY) as work:
        assert work.finished


def test_a_run_in_another_process_counts_too(out: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from facefusion_cli.core.media.segments import Work\n"
        "with Work(Path(sys.argv[1]), {}): print('in', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, out], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        with pytest.raises(OutputError, match="another run is working"), Work(out, {}):
            pass
        process.kill()
    with Work(out, {}) as work:
        work.remove()


# What can go wrong


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"), Work(tmp_path / "none" / "video.mp4", IDENTITY):
        pass


@pytest.mark.parametrize("thing", ["file", "link"])
def test_something_else_in_its_place_is_left_alone(out: Path, tmp_path: Path, thing: str) -> None:
    folder = Work(out, IDENTITY).folder
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    if thing == "file":
        folder.write_text("mine")
    else:
        folder.symlink_to(tmp_path / "mine")
    with pytest.raises(OutputError, match="in the way"), Work(out, IDENTITY):
        pass
    assert names(tmp_path / "mine") == ["file"]
    assert folder.exists()


@pytest.mark.parametrize("when", ["temporary", "finish"])
def test_the_folder_of_the_output_is_removed_in_the_middle(out: Path, when: str) -> None:
    with Work(out, IDENTITY) as work:
        make(work, "one.mp4")
        if when == "finish":
            work.temporary("two.mp4").write_bytes(b"x")
        shutil.rmtree(out.parent)
        with pytest.raises(OutputError, match=r"out\" was removed in the middle"):
            getattr(work, when)("two.mp4")
    assert work_folders() == []


def test_the_work_folder_is_removed_in_the_middle(out: Path) -> None:
    with Work(out, IDENTITY) as work:
        work.temporary("one.mp4").write_bytes(b"x")
        shutil.rmtree(work.folder)
        with pytest.raises(OutputError, match=r"\.work\" was removed in the middle"):
            work.finish("one.mp4")


def test_a_read_only_disk(disk: Callable[[str], Path]) -> None:
    folder = disk("ro")
    with pytest.raises(OutputError, match="read-only"), Work(folder / "video.mp4", IDENTITY):
        pass


def test_f07_a_full_disk_keeps_what_is_finished(disk: Callable[[str], Path]) -> None:
    folder = disk("size=256k")
    out = folder / "video.mp4"

    def fill(work: Work) -> None:
        for number in range(100):
            name = f"piece-{number}.bin"
            work.temporary(name).write_bytes(b"" if number < 3 else b"x" * 5000)
            work.finish(name, {"text": "y" * 2000})
            (folder / f"other-{number}").write_bytes(b"z" * 3000)

    with pytest.raises((OutputError, OSError)) as caught, Work(out, IDENTITY) as work:
        fill(work)
    assert "space" in str(caught.value)
    done = len([*work.folder.glob("piece-*.bin")])
    for path in folder.glob("other-*"):
        path.unlink()
    with Work(out, IDENTITY) as work:
        assert work.finished
        assert sum(work.piece(f"piece-{number}.bin") is not None for number in range(100)) in {done, done - 1}
        work.remove()


def test_a_state_folder_that_cannot_be_written_is_no_error(out: Path, home: Path) -> None:
    home.write_text("a file where a folder should be")
    interrupted(out, "one.mp4")
    assert work_folders() == []
    assert len(work_folders([out.parent])) == 1
    with Work(out, IDENTITY) as work:
        work.remove()


def test_folders_are_found_where_they_are(out: Path, tmp_path: Path, home: Path) -> None:
    folder = interrupted(out, "one.mp4").folder
    assert work_folders() == work_folders([out.parent, tmp_path]) == [folder]
    shutil.rmtree(home)
    assert work_folders() == []
    assert work_folders([out.parent]) == [folder]
    (out.parent / ".facefusion-000000000000.work").write_text("no folder")
    (out.parent / ".facefusion-000000000001.work").symlink_to(folder)
    (out.parent / ".facefusion-short.work").mkdir()
    assert work_folders([out.parent, tmp_path / "none"]) == [folder]


def test_a_registry_that_lies_leads_nowhere(tmp_path: Path, home: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    registry = home / "state" / "work-folders"
    registry.mkdir(parents=True)
    (registry / "1").write_bytes(os.fsencode(mine))
    (registry / "2").write_bytes(b"\0")
    (registry / "3").write_bytes(b"")
    (registry / "4").write_bytes(b".facefusion-000000000000.work")
    assert work_folders() == []
    assert mine.exists()


# SIGKILL at any moment

WRITER = """
import json, sys
from pathlib import Path
from facefusion_cli.core.media.segments import Work
out, count = Path(sys.argv[1]), int(sys.argv[2])
with Work(out, {"inputs": [1]}) as work:
    for number in range(count):
        name = f"piece-{number}.bin"
        if work.piece(name) is None:
            print(number, flush=True)
            with work.temporary(name).open("wb") as file:
                for part in range(40):
                    file.write(bytes([number]) * 997)
                    file.flush()
            work.finish(name, {"number": number})
    content = b""
    for number in range(count):
        assert work.facts(f"piece-{number}.bin") == {"number": number}
        content += work.piece(f"piece-{number}.bin").read_bytes()
    out.write_bytes(content)
    work.remove()
print("done", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_ten_times_at_random_moments_it_still_ends_right(out: Path) -> None:
    import random

    chance = random.Random(4)
    command = [sys.executable, "-c", WRITER, str(out), "60"]
    for _ in range(10):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            # Somewhere in the middle of a piece: of those to come, a few are let through.
            for _ in range(chance.randrange(1, 6)):
                assert process.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(chance.random() * 0.004)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert not out.exists()
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.endswith("done\n")
    # Pieces of earlier runs were used: it did not begin at the first.
    assert int(run.stdout.split()[0]) > 5
    assert out.read_bytes() == b"".join(bytes([number]) * 997 * 40 for number in range(60))
    assert names(out.parent) == [out.name]


@pytest.mark.parametrize("step", range(6))
def test_killed_at_every_step_of_finishing_there_is_a_piece_or_none(
    out: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kill: from some call to the system on, none happens any more."""

    class Killed(BaseException):
        pass

    calls = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > step:
                raise Killed
            return function(*arguments, **options)

        return call

    work = Work(out, IDENTITY)
    work.__enter__()
    make(work, "one.mp4", b"one")
    work.temporary("two.mp4").write_bytes(b"two")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", counted(os.fsync))
        patch.setattr("pathlib.Path.replace", counted(type(out).replace))
        patch.setattr(segments, "sync_folder", counted(sync_folder))
        finished = True
        try:
            work.finish("two.mp4", {"number": 2})
        except Killed:
            finished = False
    # The process is gone, and with it the lock.
    assert work._lock is not None
    assert work._journal is not None
    work._journal.close()
    work._lock.release()
    with Work(out, IDENTITY) as again:
        assert again.piece("one.mp4") is not None
        piece = again.piece("two.mp4")
        assert piece is not None or not finished
        if piece is not None:
            assert piece.read_bytes() == b"two"
            assert again.facts("two.mp4") == {"number": 2}
        again.remove()


def test_the_journal_says_what_it_was_made_from(out: Path) -> None:
    folder = interrupted(out, "one.mp4").folder
    lines = [line for line in (folder / "journal.jsonl").read_text().splitlines() if line]
    assert [json.loads(line) for line in lines] == [
        {"identity": IDENTITY},
        {"piece": "one.mp4", "size": 7, "facts": {"frames": 7}},
    ]


def test_what_nobody_came_back_for_expires(tmp_path: Path) -> None:
    old, fresh, held = (tmp_path / name for name in ("old.mp4", "fresh.mp4", "held.mp4"))
    for output in (old, fresh, held):
        with Work(output, IDENTITY) as work:
            make(work, "a.mp4")
    long_ago = time.time() - (KEPT_DAYS + 1) * 24 * 60 * 60
    for output in (old, held):
        folder = work_folder(output)
        for path in (*folder.iterdir(), folder):
            os.utime(path, (long_ago, long_ago))
    lock = hold(work_folder(held))
    assert lock is not None
    with Work(tmp_path / "new.mp4", IDENTITY):
        assert not work_folder(old).exists()
        assert work_folder(fresh).exists()
        assert work_folder(held).exists()
    lock.release()
