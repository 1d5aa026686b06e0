"""What a folder remembers of what was made in it."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.core.batch import journal as module
from facefusion_cli.core.batch.journal import JOURNAL_NAME, FolderJournal

if TYPE_CHECKING:
    from collections.abc import Callable

ADA: dict[str, Any] = {"source": "1-0-abc", "face": "largest", "quality": 95}
BOB: dict[str, Any] = {**ADA, "source": "1-0-def"}


def never() -> dict[str, Any]:
    raise AssertionError("this was to be decided without reading anything")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out" / "sub").mkdir(parents=True)
    (tmp_path / "out" / "a.jpg").write_bytes(b"result")
    (tmp_path / "out" / "sub" / "a.jpg").write_bytes(b"another")
    return tmp_path / "out"


def test_only_what_was_recorded_and_is_unchanged_is_done(out: Path) -> None:
    journal = FolderJournal(out)
    assert not journal.done(out / "a.jpg", never)
    journal.record(out / "a.jpg", ADA)
    for again in (journal, FolderJournal(out)):
        assert again.done(out / "a.jpg", lambda: dict(reversed(ADA.items())))
        assert again.is_result(out / "a.jpg")
        assert not again.done(out / "a.jpg", lambda: BOB)
        assert not again.done(out / "sub" / "a.jpg", never)
        assert not again.is_result(out / "b.jpg")


@pytest.mark.parametrize("change", ["size", "time", "gone"])
def test_a_file_that_changed_is_not_done(out: Path, change: str) -> None:
    journal, path = FolderJournal(out), out / "a.jpg"
    journal.record(path, ADA)
    status = path.stat()
    if change == "size":
        path.write_bytes(b"results")
        os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
    elif change == "time":
        os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns + 1))
    else:
        path.unlink()
    assert not journal.done(path, never)
    assert not journal.is_result(path)
    assert journal.was_result(path)
    assert not journal.was_result(out / "b.jpg")


def test_a_result_that_lacks_something_is_known_but_not_done(out: Path) -> None:
    journal = FolderJournal(out)
    journal.record(out / "a.jpg", ADA, complete=False)
    for again in (journal, FolderJournal(out)):
        assert not again.done(out / "a.jpg", never)
        assert again.is_result(out / "a.jpg")
    journal.record(out / "a.jpg", ADA)
    assert FolderJournal(out).done(out / "a.jpg", lambda: ADA)


def test_lines_of_before_tell_of_whole_results(out: Path) -> None:
    FolderJournal(out).record(out / "a.jpg", ADA)
    path = out / JOURNAL_NAME
    line = json.loads(path.read_bytes())
    del line["complete"]
    path.write_text(json.dumps(line) + "\n")
    assert FolderJournal(out).done(out / "a.jpg", lambda: ADA)


def test_only_the_newest_entry_counts(out: Path) -> None:
    journal = FolderJournal(out)
    journal.record(out / "a.jpg", ADA)
    journal.record(out / "a.jpg", BOB)
    for again in (journal, FolderJournal(out)):
        assert not again.done(out / "a.jpg", lambda: ADA)
        assert again.done(out / "a.jpg", lambda: BOB)


def test_the_folder_may_move_and_have_other_names(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FolderJournal(out).record(out / "sub" / "a.jpg", ADA)
    moved = out.rename(out.with_name("moved"))
    (moved.parent / "link").symlink_to(moved)
    monkeypatch.chdir(moved.parent)
    for name in ("moved", "link", "./link/../moved"):
        assert FolderJournal(Path(name)).done(Path(name, "sub", "a.jpg"), lambda: ADA)
    monkeypatch.chdir(moved)
    assert FolderJournal(Path()).done(Path("sub/a.jpg"), lambda: ADA)


def test_odd_names_and_values(out: Path) -> None:
    name = os.fsdecode(b"\xff\n\"'.jpg")
    (out / name).write_bytes(b"x")
    made_from = {"source": name, "nothing": None, "list": [1, 2.5]}
    FolderJournal(out).record(out / name, made_from)
    assert FolderJournal(out).done(out / name, lambda: made_from)


def test_damage_costs_no_more_than_the_lines_it_hit(out: Path) -> None:
    path = out / JOURNAL_NAME
    journal = FolderJournal(out)
    journal.record(out / "a.jpg", ADA)
    good = path.read_bytes()
    (entry,) = good.splitlines()
    path.write_bytes(b'\xff\xfe\n[]\n{"v": 2}\n' + b"[" * 100000 + b"\n" + good + entry[:40])
    again = FolderJournal(out)
    assert again.done(out / "a.jpg", lambda: ADA)
    assert again.notes == []
    again.record(out / "sub" / "a.jpg", BOB)
    third = FolderJournal(out)
    assert third.done(out / "a.jpg", lambda: ADA)
    assert third.done(out / "sub" / "a.jpg", lambda: BOB)


def test_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    journal = FolderJournal(tmp_path / "new")
    assert not journal.done(tmp_path / "new" / "a.jpg", never)
    assert not (tmp_path / "new").exists()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.jpg").write_bytes(b"x")
    journal.record(tmp_path / "new" / "a.jpg", ADA)
    assert FolderJournal(tmp_path / "new").done(tmp_path / "new" / "a.jpg", lambda: ADA)


@pytest.mark.parametrize("what", ["folder", "pipe"])
def test_something_else_of_that_name_is_left_alone(out: Path, what: str) -> None:
    path = out / JOURNAL_NAME
    if what == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    journal = FolderJournal(out)
    journal.record(out / "a.jpg", ADA)
    journal.record(out / "a.jpg", ADA)
    assert len(journal.notes) == 2
    assert all("cannot be re" in note for note in journal.notes)
    assert not path.is_file()


def test_a_disk_that_cannot_be_written(disk: Callable[[str], Path]) -> None:
    folder = disk("size=100k")
    (folder / "a.jpg").write_bytes(b"x")
    disk("ro")
    journal = FolderJournal(folder)
    journal.record(folder / "a.jpg", ADA)
    journal.record(folder / "a.jpg", ADA)
    (note,) = journal.notes
    assert "cannot be remembered" in note
    assert "read-only" in note


def test_a_full_disk_cuts_one_line_at_most(disk: Callable[[str], Path]) -> None:
    folder = disk("size=16k")
    (folder / "a.jpg").write_bytes(b"x")
    journal = FolderJournal(folder)
    for number in range(200):
        journal.record(folder / "a.jpg", {"number": number})
    assert "no space" in journal.notes[0]
    (folder / "a.jpg").write_bytes(b"x")
    disk("size=100k")
    FolderJournal(folder).record(folder / "a.jpg", ADA)
    assert FolderJournal(folder).done(folder / "a.jpg", lambda: ADA)


def test_a_long_journal_is_written_anew(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SLACK", 20)
    path = out / JOURNAL_NAME
    journal = FolderJournal(out)
    for number in range(30):
        journal.record(out / "a.jpg", {"number": number})
    journal.record(out / "sub" / "a.jpg", ADA)
    assert len(path.read_bytes().splitlines()) == 31
    again = FolderJournal(out)
    assert len(path.read_bytes().splitlines()) == 2
    journal.record(out / "sub" / "a.jpg", BOB)  # into the new file, though it knew the old one
    for one in (again, FolderJournal(out)):
        assert one.done(out / "a.jpg", lambda: {"number": 29})
    assert FolderJournal(out).done(out / "sub" / "a.jpg", lambda: BOB)
    assert [name.name for name in out.iterdir() if name.name.startswith(".")] == [JOURNAL_NAME]


def test_many_writers_lose_nothing(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads, each with a journal of its own as processes have, while others write the file anew."""
    monkeypatch.setattr(module, "_SLACK", 10)
    paths = [out / f"{number}.jpg" for number in range(8)]
    for path in paths:
        path.write_bytes(b"x")

    def write(path: Path) -> None:
        for number in range(20):
            FolderJournal(out).record(path, {"number": number})

    threads = [threading.Thread(target=write, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal = FolderJournal(out)
    assert all(journal.done(path, lambda: {"number": 19}) for path in paths)
    assert len((out / JOURNAL_NAME).read_bytes().splitlines()) < 160
    assert all(json.loads(line)["v"] == 1 for line in (out / JOURNAL_NAME).read_bytes().splitlines())
