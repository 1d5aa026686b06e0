"""Folders and patterns: what is found in them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from facefusion_cli.core.batch.targets import find_targets
from facefusion_cli.errors import UsageError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def found(*given: str, **options: Any) -> list[str]:
    return [target.path.as_posix() for target in find_targets(given, **options).files]


def below(*given: str, **options: Any) -> list[str]:
    return [(target.folder or Path("?")).as_posix() for target in find_targets(given, **options).files]


def test_a_file_that_is_named_is_taken_whatever_it_is() -> None:
    make("notes.txt", ".hidden.jpg")
    targets = find_targets(["notes.txt", "missing.jpg", ".hidden.jpg", "notes.txt"])
    assert [target.path for target in targets.files] == [Path("notes.txt"), Path("missing.jpg"), Path(".hidden.jpg")]
    assert {target.folder for target in targets.files} == {None}
    assert (targets.ignored, targets.faults) == (0, ())


def test_a_folder_is_walked_in_order() -> None:
    make(
        "pics/b.JPG", "pics/a.heic", "pics/z/c.mp4", "pics/m/d/e.png", "pics/m/notes.txt", "pics/run.sh", "pics/README"
    )
    targets = find_targets(["pics"])
    assert [target.path.as_posix() for target in targets.files] == [
        "pics/a.heic",
        "pics/b.JPG",
        "pics/m/d/e.png",
        "pics/z/c.mp4",
    ]
    assert [target.kind for target in targets.files] == ["picture", "picture", "picture", "video"]
    assert below("pics") == [".", ".", "m/d", "z"]
    assert targets.ignored == len(targets.left_alone) == 3
    assert found("pics/") == found("./pics") == found("pics")


def test_b73_what_is_hidden_or_ours_is_not_seen() -> None:
    make("pics/a.jpg", "pics/.b.jpg", "pics/._a.jpg", "pics/.cache/c.jpg", "pics/.facefusion-12-34.jpg", "pics/.x.txt")
    targets = find_targets(["pics"])
    assert [target.path.name for target in targets.files] == ["a.jpg"]
    assert targets.ignored == 0
    make(".secret/a.jpg")
    assert found(".secret") == [".secret/a.jpg"]


def test_content_decides_on_the_kind() -> None:
    make("pics/a.jpg")
    Path("pics/b.jpg").write_bytes(b"\x1a\x45\xdf\xa3")
    assert [target.kind for target in find_targets(["pics"]).files] == ["picture", "video"]


def test_only_files_are_files() -> None:
    make("pics/a.jpg")
    os.mkfifo("pics/b.jpg")
    Path("pics/c.jpg").symlink_to("missing.jpg")
    Path("pics/d.jpg").symlink_to("a.jpg")
    Path("pics/e.jpg").mkdir()
    assert found("pics") == ["pics/a.jpg", "pics/d.jpg"]


def test_links_to_folders_never_lead_in_circles() -> None:
    make("pics/a.jpg", "pics/sub/b.jpg", "other/c.jpg", "other/deep/d.jpg")
    Path("pics/again").symlink_to(".")
    Path("pics/up").symlink_to("..")
    Path("pics/sub/all").symlink_to("../../pics")
    Path("pics/out").symlink_to("../other")
    Path("pics/out2").symlink_to("../other/deep")
    Path("other/back").symlink_to("../pics/sub")
    assert found("pics") == ["pics/a.jpg", "pics/out/c.jpg", "pics/out/deep/d.jpg", "pics/sub/b.jpg"]
    assert found("pics/**/*.jpg") == ["pics/a.jpg", "pics/sub/b.jpg"]
    Path("link").symlink_to("pics/sub")
    assert found("link") == ["link/b.jpg"]


@pytest.mark.parametrize("out", ["pics/out", "pics/out/", "./pics/../pics/out"])
def test_results_are_not_targets(out: str) -> None:
    make("pics/a.jpg", "pics/sub/b.jpg", "pics/out/a.jpg", "pics/out/sub/b.jpg")
    assert found("pics", out=out) == ["pics/a.jpg", "pics/sub/b.jpg"]
    assert found("pics/**/*.jpg", out=out) == ["pics/a.jpg", "pics/sub/b.jpg"]
    assert found("pics/*", out=out) == ["pics/a.jpg", "pics/sub/b.jpg"]
    # Where somebody points there all the same, it is meant.
    assert found("pics/out", out=out) == ["pics/out/a.jpg", "pics/out/sub/b.jpg"]
    assert found("pics/out/*.jpg", out=out) == ["pics/out/a.jpg"]
    assert len(found("pics", out="pics/out/{stem}.jpg")) == 4


def test_known_results_are_not_targets() -> None:
    make("pics/a.jpg", "pics/a_swapped.jpg")
    known = {Path("pics/a_swapped.jpg")}
    assert found("pics", is_result=known.__contains__) == ["pics/a.jpg"]
    assert found("pics/*.jpg", is_result=known.__contains__) == ["pics/a.jpg"]
    assert found("pics/a_swapped.jpg", is_result=known.__contains__) == ["pics/a_swapped.jpg"]


def test_patterns() -> None:
    make(
        "pics/a.jpg", "pics/b.png", "pics/notes.txt", "pics/sub/c.jpg", "pics/sub/.d.jpg", "pics/.cache/e.jpg", "f.jpg"
    )
    assert found("pics/*.jpg") == ["pics/a.jpg"]
    assert found("pics/?.[jp]*") == ["pics/a.jpg", "pics/b.png"]
    assert found("*/*.jpg") == ["pics/a.jpg"]
    assert below("*/*.jpg") == ["pics"]
    assert found("**/*.jpg") == ["f.jpg", "pics/a.jpg", "pics/sub/c.jpg"]
    assert below("pics/**/*.jpg") == [".", "sub"]
    assert found("pics/.cache/*.jpg") == found("pics/.c*/*.jpg") == ["pics/.cache/e.jpg"]
    assert found(f"{Path.cwd()}/pics/*.jpg") == [f"{Path.cwd()}/pics/a.jpg"]
    assert found("pics/*") == ["pics/a.jpg", "pics/b.png", "pics/sub/c.jpg"]
    assert below("pics/*") == [".", ".", "sub"]
    assert find_targets(["pics/*"]).ignored == 1
    assert found("pics/**") == found("pics")


def test_what_exists_by_the_name_of_a_pattern_is_meant_itself() -> None:
    make("a[1].jpg", "a1.jpg", "b*.jpg", "bc.jpg", "set[2]/a.jpg", "set2/b.jpg")
    assert found("a[1].jpg") == ["a[1].jpg"]
    assert found("b*.jpg") == ["b*.jpg"]
    assert found("set[2]") == ["set[2]/a.jpg"]
    assert found("set[2]/*.jpg") == ["set[2]/a.jpg"]
    assert below("set[2]/*.jpg") == ["."]


def test_each_file_once() -> None:
    make("pics/a.jpg", "pics/sub/b.jpg")
    assert found("pics/a.jpg", "pics", "./pics/*.jpg", "pics/sub") == ["pics/a.jpg", "pics/sub/b.jpg"]


def test_several_folders_keep_their_names() -> None:
    make("x/pics/a.jpg", "y/more/sub/b.jpg", "c.jpg")
    assert below("x/pics", "y/more", "c.jpg") == ["pics", "more/sub", "?"]
    assert below("x/pics/.", "y/more/sub/..") == ["pics", "more/sub"]
    os.chdir("y/more")
    assert below("..", "../../c.jpg") == ["y/more/sub", "?"]


def test_nothing_found() -> None:
    make("pics/notes.txt", "empty/.b.jpg", "a.jpg")
    assert find_targets(["empty"]).files == ()
    assert [(fault.name, str(fault.error)) for fault in find_targets(["empty", "pics/*.png"]).faults] == [
        ("empty", '"empty" holds no picture or video.'),
        ("pics/*.png", 'nothing matches "pics/*.png".'),
    ]
    targets = find_targets(["pics", "a.jpg", "*.png"])
    assert [target.path for target in targets.files] == [Path("a.jpg")]
    assert [str(fault.error) for fault in targets.faults] == [
        '"pics" holds no picture or video, only 1 other file.',
        'nothing matches "*.png".',
    ]


def test_a_folder_that_cannot_be_read_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    make("pics/a.jpg", "pics/locked/b.jpg")
    scan = os.scandir

    def refuse(path: str) -> Any:
        if os.fspath(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    targets = find_targets(["pics"])
    assert [target.path.name for target in targets.files] == ["a.jpg"]
    (fault,) = targets.faults
    assert (fault.name, str(fault.error)) == (
        "pics/locked",
        'the folder "pics/locked" cannot be read: permission denied.',
    )
    assert [fault.name for fault in find_targets(["pics/locked"]).faults] == ["pics/locked"]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="two stars are one there")
@pytest.mark.parametrize("pattern", ["pics/a**.jpg", "pics/**b/*.jpg"])
def test_two_stars_within_a_name(pattern: str) -> None:
    with pytest.raises(UsageError, match="is no pattern"):
        find_targets([pattern])


def test_odd_names() -> None:
    name = os.fsdecode(b"pics/\xff\n'\".jpg")
    make(name, "pics/-x.jpg", "pics/a b é.jpg")
    assert sorted(found("pics")) == sorted([name, "pics/-x.jpg", "pics/a b é.jpg"])
    assert sorted(found("pics/*.jpg")) == sorted(found("pics"))


def test_an_empty_name_is_none() -> None:
    with pytest.raises(UsageError, match="the name of a file is empty"):
        find_targets(["a.jpg", ""])
