"""``facefusion clean``: what goes, what stays."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock

from facefusion_cli.cli import main
from facefusion_cli.core import cleaning
from facefusion_cli.core.batch.journal import JOURNAL_NAME, FolderJournal
from facefusion_cli.core.media.atomic import AtomicFile
from facefusion_cli.core.media.segments import Work
from facefusion_cli.core.media.work_folders import remove_held
from facefusion_cli.core.weights import catalog as catalogs
from facefusion_cli.core.weights.store import Store

if TYPE_CHECKING:
    from facefusion_cli.core.weights.catalog import Catalog


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy_catalog: Catalog) -> Path:
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(catalogs, "catalog", lambda: toy_catalog)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


def interrupted(out: Path) -> Path:
    """The work folder of a run that was stopped after a piece."""
    out.parent.mkdir(exist_ok=True)
    with suppress(KeyboardInterrupt), Work(out, {"inputs": 1}) as work:
        work.temporary("one.mp4").write_bytes(b"x" * 1000)
        work.finish("one.mp4")
        raise KeyboardInterrupt
    return work.folder


def temporary(folder: Path) -> Path:
    path = folder / f".facefusion-{hashlib.sha256(b'a.jpg').hexdigest()[:12]}-4711-0123abcd.jpg"
    path.write_bytes(b"half")
    return path


def state(home: Path) -> list[Path]:
    folder = home / "state"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("self-checks.json", "self-checks.json.0123abcd", "consent.json", "mine.txt"):
        (folder / name).write_text("{}")
    return [folder / "self-checks.json", folder / "self-checks.json.0123abcd"]


def fetched(home: Path, toy_catalog: Catalog, toy_files: Any) -> tuple[Path, Path]:
    """The weight alpha in the store, and a part of beta."""
    models = home / "models"
    store = Store(models, toy_catalog)
    alpha, beta, _ = toy_catalog.weights
    models.mkdir(parents=True)
    store.path(alpha).write_bytes(toy_files["alpha"])
    assert store.state(alpha) == "stored"
    store.partial(beta).write_bytes(b"abc")
    return store.path(alpha), store.partial(beta)


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str], str]:
    code = main(["clean", *arguments])
    said = capsys.readouterr()
    return code, said.out.splitlines(), said.err


def test_there_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys=capsys) == (0, [], "there is nothing to remove.\n")


def test_what_runs_have_left_goes_and_all_else_stays(
    home: Path, tmp_path: Path, toy_catalog: Catalog, toy_files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    work = interrupted(tmp_path / "far away" / "video.mp4")
    beside = temporary(work.parent)
    here = temporary(Path.cwd())
    caches = state(home)
    weights, download = fetched(home, toy_catalog, toy_files)
    (Path.cwd() / ".facefusion-notes").write_text("mine")
    (Path.cwd() / "picture.jpg").write_text("mine")
    gone = {str(path) for path in (work, beside, here, *caches, download)}

    code, lines, said = run("--dry-run", capsys=capsys)
    assert (code, {*lines}) == (0, gone)
    assert "would be free again" in said
    assert all(Path(path).exists() for path in gone)

    code, lines, said = run(capsys=capsys)
    assert (code, {*lines}) == (0, gone)
    assert said == "1.4 kB are free again.\n" or "kB are free again" in said
    assert not any(Path(path).exists() for path in gone)
    assert weights.exists()
    assert sorted(path.name for path in (home / "state").iterdir()) == ["consent.json", "mine.txt"]
    assert sorted(path.name for path in Path.cwd().iterdir()) == [".facefusion-notes", "picture.jpg"]
    assert run(capsys=capsys)[1] == []


def test_everything_goes_but_what_is_not_ours(
    home: Path, tmp_path: Path, toy_catalog: Catalog, toy_files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    work = interrupted(tmp_path / "out" / "video.mp4")
    weights, _ = fetched(home, toy_catalog, toy_files)
    (home / "state").mkdir(exist_ok=True)
    (home / "state" / "consent.json").write_text("{}")
    code, lines, _ = run("--all", capsys=capsys)
    assert code == 0
    assert not home.exists()
    assert not work.exists()
    assert {str(weights), str(work), str(home / "models"), str(home / "state"), str(home)} <= {*lines}


def test_journals_go_with_everything_else_wherever_they_are(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [tmp_path / "results", tmp_path / "by hand", Path.cwd(), tmp_path / "not ours"]
    for folder in folders:
        folder.mkdir(exist_ok=True)
    for folder in folders[:2]:
        (folder / "a.jpg").write_bytes(b"a picture")
        journal = FolderJournal(folder)
        journal.record(folder / "a.jpg", {})
        journal.record(folder / "a.jpg", {})
    journals = [folder / JOURNAL_NAME for folder in folders]
    journals[1].unlink()
    journals[2].write_text("of an earlier version, and known nowhere")
    journals[3].mkdir()
    assert run(capsys=capsys)[1] == []
    code, lines, _ = run("--all", "--json", "--dry-run", capsys=capsys)
    found = [json.loads(line) for line in lines]
    assert (code, [(one["kind"], one["path"]) for one in found]) == (
        0,
        [("journal", str(journals[2])), ("journal", str(journals[0]))],
    )
    code, lines, _ = run("--all", capsys=capsys)
    assert code == 0
    assert {str(journals[0]), str(journals[2]), str(home)} <= {*lines}
    assert [path.exists() for path in journals] == [False, False, False, True]
    assert (folders[0] / "a.jpg").exists()
    assert not home.exists()


def test_foreign_files_in_the_models_folder_stay(
    tmp_path: Path, toy_catalog: Catalog, toy_files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, _ = fetched(tmp_path / "other", toy_catalog, toy_files)
    (weights.parent / "mine.onnx").write_bytes(b"mine")
    code, lines, _ = run("--all", "--models-dir", str(weights.parent), capsys=capsys)
    assert code == 0
    assert str(weights) in lines
    assert [path.name for path in weights.parent.iterdir()] == ["mine.onnx"]


def test_what_is_in_use_stays(
    home: Path, tmp_path: Path, toy_catalog: Catalog, toy_files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, download = fetched(home, toy_catalog, toy_files)
    hidden = download.parent
    with (
        Work(Path("video.mp4"), {}) as work,
        AtomicFile(Path("picture.jpg")) as file,
        FileLock(hidden / "alpha.lock"),
        FileLock(hidden / "beta.lock"),
    ):
        code, lines, said = run("--all", "--yes", capsys=capsys)
        assert code == 0
        assert lines == []
        assert said.count("is in use by a running program and stays") == 4
        assert work.folder.exists()
        assert file.temporary.exists()
        assert weights.exists()
        assert download.exists()
        work.remove()


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = interrupted(tmp_path / "out" / "video.mp4")
    file = temporary(Path.cwd())
    with file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, lines, _ = run("--json", "-q", capsys=capsys)
    assert code == 0
    first, second = map(json.loads, lines)
    assert first == {
        "schema": 1,
        "ok": True,
        "path": str(work),
        "kind": "work-folder",
        "bytes": first["bytes"],
        "removed": True,
        "in_use": False,
    }
    assert first["bytes"] > 1000
    assert (second["kind"], second["removed"], second["in_use"]) == ("temporary-file", False, True)


@pytest.mark.parametrize("answer", [True, False])
def test_on_a_terminal_it_asks_before_everything_goes(
    home: Path,
    toy_catalog: Catalog,
    toy_files: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    answer: bool,
) -> None:
    from facefusion_cli.cli.console import Console

    weights, _ = fetched(home, toy_catalog, toy_files)
    monkeypatch.setattr(Console, "can_ask", True)
    monkeypatch.setattr(Console, "ask", lambda *_: answer)
    code, _, said = run("--all", capsys=capsys)
    assert str(weights) in said
    assert (code == 0) == answer
    assert weights.exists() != answer


def test_a_place_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, said = run("nowhere", capsys=capsys)
    assert (code, lines) == (2, [])
    assert '"nowhere" is no folder.' in said


def test_links_are_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "file").write_text("mine")
    temporary(tmp_path).rename(tmp_path / "target")
    Path(".facefusion-000000000000.work").symlink_to(mine)
    Path(".facefusion-000000000000-1-00000000.jpg").symlink_to(tmp_path / "target")
    work = interrupted(tmp_path / "out" / "video.mp4")
    (work / "link").symlink_to(mine)
    assert run(capsys=capsys)[1] == [str(work)]
    assert (mine / "file").exists()
    assert (tmp_path / "target").exists()


def test_what_cannot_be_removed_is_told_and_the_rest_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = interrupted(tmp_path / "a" / "video.mp4"), interrupted(tmp_path / "b" / "video.mp4")
    remove = remove_held

    def refuse(folder: Path, lock: Any) -> None:
        if folder == bad:
            lock.release()
            raise PermissionError(13, os.strerror(13))
        remove(folder, lock)

    monkeypatch.setattr(cleaning, "remove_held", refuse)
    code, lines, said = run(capsys=capsys)
    assert code == 1
    assert lines == [str(good)]
    assert f'"{bad}" cannot be removed' in said
