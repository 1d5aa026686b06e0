"""Files that appear whole or not at all, and never in place of another."""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.core.media import atomic, left_overs
from facefusion_cli.core.media.atomic import AtomicFile, Exists
from facefusion_cli.core.media.hidden import stem_of
from facefusion_cli.core.media.outputs import AtomicOutput, Output
from facefusion_cli.errors import OutputError, OutputExistsError

if TYPE_CHECKING:
    from collections.abc import Callable

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="rights and locks as POSIX has them")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(path: Path, content: bytes = b"new", exists: Exists = "replace", **options: Any) -> Path:
    with AtomicFile(path, exists, **options) as file:
        file.temporary.write_bytes(content)
        return file.commit()


def test_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    assert write(path) == path
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.jpg"]


def test_f01_nothing_is_seen_before_the_commit(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"old")
    with AtomicFile(path) as file:
        assert file.temporary.parent == tmp_path
        assert file.temporary.name.startswith(".")
        assert file.temporary.suffix == ".jpg"
        assert str(os.getpid()) in file.temporary.name
        file.temporary.write_bytes(b"half")
        assert path.read_bytes() == b"old"
        file.temporary.write_bytes(b"whole")
        file.commit()
    assert path.read_bytes() == b"whole"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_failures_leave_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"old")

    def fail() -> None:
        with AtomicFile(path) as file:
            file.temporary.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.jpg"]


def test_leaving_without_commit_leaves_nothing(tmp_path: Path) -> None:
    with AtomicFile(tmp_path / "a.jpg") as file:
        file.temporary.write_bytes(b"half")
    assert names(tmp_path) == []


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_f08_a_replaced_file_keeps_its_rights(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"old")
    path.chmod(mode)
    with AtomicFile(path) as file:
        # Nobody may read it in the meantime who could not read the old one.
        assert not stat.S_IMODE(file.temporary.stat().st_mode) & 0o077 & ~mode
        file.temporary.write_bytes(b"new")
        file.commit()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert stat.S_IMODE(write(path, exists="number").stat().st_mode) == stat.S_IMODE(
        write(tmp_path / "b").stat().st_mode
    )


@POSIX
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_f08_rights_are_those_of_any_new_file(tmp_path: Path, mask: int, mode: int) -> None:
    path = tmp_path / "a.jpg"
    before = os.umask(mask)
    try:
        write(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_f08_a_link_stays_and_leads_to_the_new_file(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.jpg").write_bytes(b"old")
    link = tmp_path / "link.jpg"
    link.symlink_to("real/a.jpg")
    with AtomicFile(link) as file:
        assert file.temporary.parent == tmp_path / "real"
        file.temporary.write_bytes(b"new")
        assert file.commit() == link
    assert link.is_symlink()
    assert (tmp_path / "real" / "a.jpg").read_bytes() == b"new"
    assert names(tmp_path / "real") == ["a.jpg"]


def test_the_name_given_says_the_format_not_what_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"old")
    (tmp_path / "out.png").symlink_to("data")
    with AtomicFile(tmp_path / "out.png") as file:
        assert file.temporary.suffix == ".png"


def test_a_link_to_nothing_yet(tmp_path: Path) -> None:
    (tmp_path / "link.jpg").symlink_to("later.jpg")
    write(tmp_path / "link.jpg")
    assert (tmp_path / "later.jpg").read_bytes() == b"new"


def test_refusing_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"old")
    with pytest.raises(OutputExistsError):
        write(path, exists="refuse")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.jpg"]


def _no_links(*args: object, **options: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("links", [True, False])
def test_f01_refusing_what_appeared_meanwhile(tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:
        monkeypatch.setattr(os, "link", _no_links)
    path = tmp_path / "a.jpg"
    with AtomicFile(path, "refuse") as file:
        file.temporary.write_bytes(b"new")
        path.write_bytes(b"another program's")
        with pytest.raises(OutputExistsError, match="exists already"):
            file.commit()
    assert path.read_bytes() == b"another program's"
    assert names(tmp_path) == ["a.jpg"]


@pytest.mark.parametrize("links", [True, False])
def test_numbers(tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:
        monkeypatch.setattr(os, "link", _no_links)
    path = tmp_path / "a_swapped.jpg"
    results = [write(path, str(number).encode(), "number") for number in range(3)]
    assert [result.name for result in results] == ["a_swapped.jpg", "a_swapped_2.jpg", "a_swapped_3.jpg"]
    assert [result.read_bytes() for result in results] == [b"0", b"1", b"2"]
    assert len(names(tmp_path)) == 3


@pytest.mark.parametrize("links", [True, False])
def test_numbers_do_not_take_links_and_folders(tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:
        monkeypatch.setattr(os, "link", _no_links)
    (tmp_path / "a.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "a_2.jpg").mkdir()
    assert write(tmp_path / "a.jpg", exists="number").name == "a_3.jpg"
    assert not (tmp_path / "nowhere.jpg").exists()


@pytest.mark.parametrize("links", [True, False])
def test_numbers_in_a_race(tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:
        monkeypatch.setattr(os, "link", _no_links)
    path = tmp_path / "a.jpg"
    together = threading.Barrier(8)
    results: list[tuple[Path, bytes]] = []

    def run(number: int) -> None:
        content = str(number).encode()
        with AtomicFile(path, "number") as file:
            file.temporary.write_bytes(content)
            together.wait()
            results.append((file.commit(), content))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({result for result, _ in results}) == 8
    assert all(result.read_bytes() == content for result, content in results)
    assert len(names(tmp_path)) == 8


def test_f46_two_runs_with_one_output_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with AtomicFile(path) as one, AtomicFile(path) as other:
        assert one.temporary != other.temporary
        one.temporary.write_bytes(b"1" * 100)
        other.temporary.write_bytes(b"2" * 200)
        one.commit()
        assert path.read_bytes() == b"1" * 100
        other.commit()
    assert path.read_bytes() == b"2" * 200
    assert names(tmp_path) == ["a.jpg"]


@pytest.mark.parametrize("kind", ["same", "symbolic", "hard"])
def test_f02_output_that_became_an_input_meanwhile(tmp_path: Path, kind: str) -> None:
    source, path = tmp_path / "source.jpg", tmp_path / "a.jpg"
    source.write_bytes(b"face")
    with AtomicFile(path, inputs=[path if kind == "same" else source]) as file:
        file.temporary.write_bytes(b"new")
        if kind == "same":
            path.write_bytes(b"face")
        elif kind == "symbolic":
            source.rename(path)
            source.symlink_to(path)
        else:
            path.hardlink_to(source)
        with pytest.raises(OutputError, match="same file as the input"):
            file.commit()
    assert path.read_bytes() == b"face"


def test_an_output_knows_its_target(tmp_path: Path) -> None:
    target = tmp_path / "a.jpg"
    target.write_bytes(b"picture")
    with pytest.raises(OutputError, match="same file as the input"):
        AtomicOutput(Output(target, target, "replace")).__enter__()
    source = tmp_path / "b.jpg"
    source.write_bytes(b"face")
    with pytest.raises(OutputError, match="same file as the input"):
        AtomicOutput(Output(target, source, "replace"), [source]).__enter__()
    assert names(tmp_path) == ["a.jpg", "b.jpg"]


@POSIX
def test_left_overs_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with AtomicFile(path) as file:
        name = file.temporary.name
    abandoned = tmp_path / name.replace(f"-{os.getpid()}-", "-999999-")
    abandoned.write_bytes(b"half")
    of_another = tmp_path / f".facefusion-{'0' * 12}-999999-00000000.jpg"
    of_another.write_bytes(b"half")
    (tmp_path / "b.jpg").touch()
    write(path)
    assert names(tmp_path) == sorted([of_another.name, "a.jpg", "b.jpg"])


def left_over(path: Path) -> Path:
    """Of a run for that path that was killed."""
    left = path.with_name(f"{stem_of(path)}-999999-00000000{path.suffix}")
    left.write_bytes(b"half")
    return left


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were listed, by whatever means."""
    folders: list[Path] = []

    def logged(function: Callable[[Path], Any]) -> Callable[[Path], Any]:
        def call(folder: Path) -> Any:
            folders.append(folder)
            return function(folder)

        return call

    monkeypatch.setattr(os, "scandir", logged(os.scandir))
    monkeypatch.setattr(os, "listdir", logged(os.listdir))
    return folders


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which stands still: to be set."""
    time = [1000.0]
    monkeypatch.setattr(left_overs, "monotonic", lambda: time[0])
    return time


@POSIX
@pytest.mark.usefixtures("clock")
def test_a_folder_is_not_listed_for_each_of_many_files(tmp_path: Path, listed: list[Path]) -> None:
    paths = [tmp_path / f"{number}.jpg" for number in range(50)]
    for path in paths[::2]:
        left_over(path)
    for path in paths:
        write(path)
    assert listed == [tmp_path]
    assert names(tmp_path) == sorted(path.name for path in paths)


@POSIX
def test_new_left_overs_are_found_in_time(tmp_path: Path, listed: list[Path], clock: list[float]) -> None:
    write(tmp_path / "a.jpg")
    lefts = [left_over(tmp_path / "a.jpg"), left_over(tmp_path / "c.jpg")]
    write(tmp_path / "b.jpg")
    assert listed == [tmp_path]
    # The same output again: at once. Another one: when the listing is old.
    write(tmp_path / "a.jpg")
    assert [left.exists() for left in lefts] == [False, True]
    assert listed == [tmp_path] * 2
    late = left_over(tmp_path / "d.jpg")
    clock[0] += 3600
    write(tmp_path / "d.jpg")
    assert not late.exists()
    assert listed == [tmp_path] * 3
    write(tmp_path / "c.jpg")
    assert listed == [tmp_path] * 3
    assert names(tmp_path) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


@pytest.mark.usefixtures("clock")
def test_what_is_remembered_of_folders_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remembered: dict[Path, left_overs._Listing] = {}
    monkeypatch.setattr(left_overs, "_listings", remembered)
    monkeypatch.setattr(left_overs, "_MOST_FOLDERS", 2)
    monkeypatch.setattr(left_overs, "_MOST_OUTPUTS", 3)
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
        for number in range(5):
            write(folder / f"{number}.jpg")
    assert [*remembered] == folders[1:]
    assert [len(listing.served) for listing in remembered.values()] == [2, 2]


@POSIX
def test_files_in_use_are_no_left_overs(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with AtomicFile(path) as running:
        running.temporary.write_bytes(b"being written")
        write(path, b"another")
        assert running.temporary.read_bytes() == b"being written"
        running.commit()
    assert path.read_bytes() == b"being written"


@POSIX
@pytest.mark.parametrize("exists", ["replace", "refuse", "number"])
def test_files_about_to_get_their_name_are_no_left_overs(
    tmp_path: Path, exists: Exists, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run for the same output starts, and looks for left-overs, at the very last moment."""
    path = tmp_path / "a.jpg"
    replace, link = Path.replace, os.link

    def another_run() -> None:
        left_overs._listings.clear()  # it knows nothing of this one's
        left_overs.remove_left_overs(tmp_path, ".facefusion-")

    def late_replace(self: Path, other: Path) -> Path:
        another_run()
        return replace(self, other)

    def late_link(one: Path, other: Path) -> None:
        another_run()
        link(one, other)

    monkeypatch.setattr(Path, "replace", late_replace)
    monkeypatch.setattr(os, "link", late_link)
    assert write(path, exists=exists).read_bytes() == b"new"
    assert names(tmp_path) == ["a.jpg"]


@POSIX
def test_links_named_like_left_overs_are_not_followed(tmp_path: Path) -> None:
    path, precious = tmp_path / "a.jpg", tmp_path / "precious"
    precious.write_bytes(b"mine")
    with AtomicFile(path) as file:
        trap = tmp_path / file.temporary.name.replace(f"-{os.getpid()}-", "-1-")
    trap.symlink_to(precious)
    write(path)
    assert precious.read_bytes() == b"mine"


@pytest.mark.parametrize(
    "name",
    [
        "Ünïcödé 顔 😀.jpg",
        "e\u0301 decomposed.jpg",
        "with spaces.jpg",
        "-leading.jpg",
        "--o.jpg",
        "12:30.jpg",
        "%03d.jpg",
        'it\'s "quoted".jpg',
        "new\nline.jpg",
        "tab\t.jpg",
        "x" * 251 + ".jpg",
        "顔" * 83 + ".jpg",
        "*?[a].jpg",
        "\\.jpg",
    ],
)
@pytest.mark.parametrize("exists", ["replace", "refuse", "number"])
@POSIX
def test_b71_odd_names(tmp_path: Path, name: str, exists: Exists) -> None:
    assert write(tmp_path / name, exists=exists).name == name
    assert (tmp_path / name).read_bytes() == b"new"
    if exists == "number":
        again = write(tmp_path / name, exists=exists)
        assert again.name.endswith("_2.jpg")
    assert all(not entry.startswith(".facefusion") for entry in names(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text exist on Linux")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    assert write(tmp_path / name) == tmp_path / name
    assert os.listdir(os.fsencode(tmp_path)) == [b"caf\xe9.jpg"]  # noqa: PTH208


def test_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert write(Path("a.jpg")) == Path("a.jpg")
    assert write(Path("a.jpg"), exists="number") == Path("a_2.jpg")
    assert names(tmp_path) == ["a.jpg", "a_2.jpg"]


@POSIX
def test_f15_data_reach_the_disk_before_the_name_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def logged_fsync(descriptor: int) -> None:
        events.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def logged_replace(self: Path, other: Path) -> Path:
        events.append("name")
        return replace(self, other)

    monkeypatch.setattr(os, "fsync", logged_fsync)
    monkeypatch.setattr(Path, "replace", logged_replace)
    write(path)
    assert events == ["file", "name", "folder"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space is left on the disk"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "no permission"),
        (errno.EIO, "input/output error"),
    ],
)
def test_disk_errors_name_the_final_file(tmp_path: Path, number: int, words: str) -> None:
    path = tmp_path / "a.jpg"
    with pytest.raises(OutputError) as raised, AtomicFile(path):
        raise OSError(number, os.strerror(number))
    assert f'cannot write "{path}"' in raised.value.message
    assert words in raised.value.message
    assert raised.value.message.endswith(".")
    assert raised.value.hint
    assert names(tmp_path) == []


def test_errors_about_other_files_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), AtomicFile(tmp_path / "a.jpg"):
        (tmp_path / "model.bin").read_bytes()
    assert names(tmp_path) == []


def test_failing_commit_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="no space"):
        write(path)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.jpg"]


def test_failing_placeholder_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, other: Path) -> Path:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "link", _no_links)
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match="input/output error"):
        write(tmp_path / "a.jpg", exists="number")
    assert names(tmp_path) == []


@POSIX
def test_interrupted_creation_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(atomic, "_lock", interrupt)
    with pytest.raises(KeyboardInterrupt):
        AtomicFile(tmp_path / "a.jpg").__enter__()
    assert names(tmp_path) == []


@POSIX
@pytest.mark.parametrize("gone", [True, False])
def test_a_file_taken_for_a_left_over_before_it_was_locked_is_made_again(
    tmp_path: Path, gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run has removed it already, or just holds the lock to do so."""
    lock = atomic._lock
    calls = 0
    others: list[int] = []

    def late(descriptor: int) -> bool:
        nonlocal calls
        calls += 1
        if calls == 1:
            (path,) = tmp_path.iterdir()
            others.append(os.open(path, os.O_RDWR))
            assert lock(others[0])
            if gone:
                path.unlink()
                os.close(others.pop())
        return lock(descriptor)

    monkeypatch.setattr(atomic, "_lock", late)
    write(tmp_path / "a.jpg")
    for other in others:
        os.close(other)
    assert calls == 2
    assert names(tmp_path) == ["a.jpg"]


@POSIX
def test_where_there_are_no_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with AtomicFile(tmp_path / "a.jpg") as running:
        running.temporary.write_bytes(b"being written")
        write(tmp_path / "a.jpg")
        running.commit()
    assert (tmp_path / "a.jpg").read_bytes() == b"being written"
    assert names(tmp_path) == ["a.jpg"]


def test_a_file_is_written_anew(tmp_path: Path) -> None:
    with AtomicFile(tmp_path / "a.txt") as file:
        file.temporary.write_text("first")
        with file.rewriting() as before:
            assert before != file.temporary
            assert set(file.unfinished) == {before, file.temporary} == {*tmp_path.iterdir()}
            # Neither is taken for a left-over by another run for the same output.
            with AtomicFile(tmp_path / "a.txt"):
                assert before.exists()
                assert file.temporary.exists()
            file.temporary.write_text(before.read_text() + " second")
        assert file.unfinished == (file.temporary,)
        file.commit()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "first second"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_file_that_cannot_be_written_anew_stays(tmp_path: Path, error: type[BaseException]) -> None:
    with AtomicFile(tmp_path / "a.txt") as file:
        file.temporary.write_text("first")

        def fail() -> None:
            with file.rewriting():
                file.temporary.write_text("half")
                raise error

        with pytest.raises(error):
            fail()
        assert [*tmp_path.iterdir()] == [file.temporary]
        file.commit()
    assert (tmp_path / "a.txt").read_text() == "first"
