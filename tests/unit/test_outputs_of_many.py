"""Where the results of folders go."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.core.batch.targets import find_targets
from facefusion_cli.core.media import naming
from facefusion_cli.core.media.outputs import AtomicOutput, Output, make_folder, plan_many, plan_outputs, tidy_folder
from facefusion_cli.errors import OutputError, OutputExistsError, UsageError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(*given: str, out: str) -> dict[str, str]:
    outputs = plan_outputs(find_targets(given, out).files, out)
    return {output.target.as_posix(): output.path.as_posix() for output in outputs}


@pytest.mark.parametrize("out", ["out", "out/", "./out", "holiday.2024"])
def test_a_folder_is_mirrored_into_one_that_need_not_exist(out: str) -> None:
    make("pics/a.jpg", "pics/sub/b.heic", "pics/sub/c.wmv", "pics/d.MOV")
    folder = Path(out).as_posix()
    expected = {
        "pics/a.jpg": f"{folder}/a.jpg",
        "pics/d.MOV": f"{folder}/d.MOV",
        "pics/sub/b.heic": f"{folder}/sub/b.jpg",
        "pics/sub/c.wmv": f"{folder}/sub/c.mp4",
    }
    assert names("pics", out=out) == expected
    assert not Path(out).exists()
    Path(out).mkdir()
    assert names("pics", out=out) == expected


def test_one_file_in_a_folder_is_still_a_folder() -> None:
    make("pics/a.jpg")
    (output,) = plan_outputs(find_targets(["pics"]).files, "out")
    assert output == Output(Path("pics/a.jpg"), Path("out/a.jpg"), "replace", "picture", make_folder=True)
    with pytest.raises(UsageError, match="the results of a folder cannot all be written"):
        plan_outputs(find_targets(["pics"]).files, "result.jpg")
    with pytest.raises(UsageError, match="told where"):
        plan_outputs(find_targets(["pics"]).files, None)


@pytest.mark.parametrize("out", ["result.jpg", "result.mp4", "result.GIF"])
def test_many_files_cannot_become_one(out: str) -> None:
    make("pics/a.jpg", "pics/b.jpg")
    with pytest.raises(UsageError, match="2 targets cannot all be written"):
        names("pics", out=out)
    Path(out).mkdir()
    assert len(names("pics", out=out)) == 2


@pytest.mark.parametrize(
    ("template", "results"),
    [
        ("out/{stem}_x{suffix}", ["out/a_x.jpg", "out/b_x.mp4"]),
        ("out/{parent}/{name}", ["out/a.jpg", "out/sub/b.mp4"]),
        ("{parent}/new-{name}", ["new-a.jpg", "sub/new-b.mp4"]),
        ("pics/{parent}/{stem}_x{suffix}", ["pics/a_x.jpg", "pics/sub/b_x.mp4"]),
    ],
)
def test_templates(template: str, results: list[str]) -> None:
    make("pics/a.jpg", "pics/sub/b.mp4")
    assert list(names("pics", out=template).values()) == results


def test_a_named_file_has_no_parent() -> None:
    make("pics/a.jpg")
    assert names("pics/a.jpg", out="{parent}/x_{name}") == {"pics/a.jpg": "x_a.jpg"}


def test_b73_who_would_get_the_same_name_keeps_its_suffix_in_it() -> None:
    make("pics/a.heic", "pics/a.jpg", "pics/b.gif", "pics/b.tga", "pics/c.heic", "pics/sub/a.heic")
    assert names("pics", out="out") == {
        "pics/a.heic": "out/a.heic.jpg",
        "pics/a.jpg": "out/a.jpg",
        "pics/b.gif": "out/b.gif.png",
        "pics/b.tga": "out/b.tga.png",
        "pics/c.heic": "out/c.jpg",
        "pics/sub/a.heic": "out/sub/a.jpg",
    }
    assert names("pics/a.*", out="{stem}_x{suffix}") == {
        "pics/a.heic": "a.heic_x.jpg",
        "pics/a.jpg": "a_x.jpg",
    }
    assert names("pics/?.[hj]*", out="{stem}.png") == {
        "pics/a.heic": "a.heic.png",
        "pics/a.jpg": "a.jpg.png",
        "pics/c.heic": "c.png",
    }


def test_same_names_of_different_folders_are_refused() -> None:
    make("pics/x/a.jpg", "pics/y/a.jpg")
    with pytest.raises(UsageError, match="more than one target") as raised:
        names("pics", out="{stem}_x{suffix}")
    assert "{parent}" in raised.value.hint
    make("pics/x/a.heic", "pics/x/a.heic.jpg")
    with pytest.raises(UsageError, match="more than one target"):
        names("pics/x", out="out")


def test_f02_one_file_by_any_spelling(monkeypatch: pytest.MonkeyPatch) -> None:
    make("pics/A.jpg", "pics/a.JPG", "pics/e\u0301.jpg", "pics/\u00e9.jpg")
    assert len(set(names("pics", out="out").values())) == 4
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UsageError, match="more than one target"):
        names("pics", out="out")
    with pytest.raises(UsageError, match="more than one target"):
        names("pics/[!aA]*", out="out")


def test_pictures_and_videos_stay_what_they_are() -> None:
    make("pics/a.jpg", "pics/b.mp4")
    with pytest.raises(UsageError, match=r'"pics/b.mp4" is a video and cannot be written to "b.png"'):
        names("pics", out="{stem}.png")
    with pytest.raises(UsageError, match=r'"pics/a.jpg" is a picture and cannot be written to "a.mkv"'):
        names("pics", out="{stem}.mkv")
    with pytest.raises(UsageError, match="is a video and cannot") as raised:
        plan_outputs([Path("pics/b.mp4")], "b.jpg")
    assert "suffix of a video" in raised.value.hint
    for out in ("b.wmv", "b.xyz", "b"):
        with pytest.raises(UsageError) as raised:
            plan_outputs([Path("pics/b.mp4")], out)
        assert ".mkv" in raised.value.hint
        assert ".jpg" not in raised.value.hint


def test_videos_of_any_name() -> None:
    Path("clip.jpg").write_bytes(MP4)
    assert plan_outputs([Path("clip.jpg")], None) == [
        Output(Path("clip.jpg"), Path("clip_swapped.mp4"), "number", "video")
    ]
    assert plan_outputs([Path("clip.jpg")], "out.webm")[0].kind == "video"
    assert plan_outputs([Path("missing.mov")], "{stem}_x{suffix}")[0].path == Path("missing_x.mov")


def test_an_animation_may_become_a_video() -> None:
    Path("a.gif").write_bytes(b"GIF89a")
    Path("b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert plan_outputs([Path("a.gif")], "a.mp4")[0].kind == "video"
    assert plan_outputs([Path("a.gif")], None) == [Output(Path("a.gif"), Path("a_swapped.png"), "number")]
    with pytest.raises(UsageError, match="is a picture"):
        plan_outputs([Path("b.png")], "b.mp4")


def test_folders_that_cannot_be_made(disk: Callable[[str], Path]) -> None:
    make("pics/a.jpg", "file")
    with pytest.raises(OutputError, match='file" is a file'):
        names("pics", out="file/out")
    with pytest.raises(OutputError, match="is a file, so the output"):
        names("pics", out="file")
    folder = disk("size=100k")
    disk("ro")
    with pytest.raises(OutputError, match="read-only"):
        names("pics", out=f"{folder}/new/out")


def test_no_input_is_written_to() -> None:
    make("pics/a.jpg", "pics/sub/b.jpg", "ada.jpg")
    for out in ("pics", ".", "pics/{parent}/{name}"):
        with pytest.raises(OutputError, match="same file as the input"):
            plan_outputs(find_targets(["pics"], out).files, out if out != "." else "pics/../pics")
    make("out/a.jpg")
    Path("out/a.jpg").unlink()
    Path("out/a.jpg").hardlink_to("ada.jpg")
    with pytest.raises(OutputError, match='same file as the input "ada'):
        plan_outputs(find_targets(["pics"]).files, "out", inputs=[Path("ada.jpg")])
    Path("out/a.jpg").unlink()
    Path("out/a.jpg").symlink_to("../pics/sub/b.jpg")
    with pytest.raises(OutputError, match="same file as the input"):
        plan_outputs(find_targets(["pics"]).files, "out")


def planned(*given: str, out: str, known: tuple[str, ...] = (), **options: Any) -> tuple[dict[str, str], list[str]]:
    """Outputs by target, and the targets that are refused."""
    known_paths = set(map(Path, known))
    outputs, refused = plan_many(find_targets(given, out).files, out, was_result=known_paths.__contains__, **options)
    made = {output.target.as_posix(): output.path.as_posix() for output in outputs}
    return made, [one.target.as_posix() for one in refused]


def test_known_results_among_the_targets_are_none() -> None:
    make("pics/a.jpg", "pics/a_x.jpg", "pics/b.jpg", "pics/c_x.jpg")
    known = ("pics/a_x.jpg", "pics/c_x.jpg")
    assert planned("pics", out="pics/{stem}_x{suffix}", known=known) == (
        # Nothing would be written to c_x.jpg: what it comes from has gone.
        {"pics/a.jpg": "pics/a_x.jpg", "pics/b.jpg": "pics/b_x.jpg", "pics/c_x.jpg": "pics/c_x_x.jpg"},
        [],
    )


def test_names_are_as_if_known_results_were_not_there() -> None:
    make("pics/a.jpg", "pics/a.png")
    assert planned("pics", out="pics/{stem}.png", known=("pics/a.png",)) == ({"pics/a.jpg": "pics/a.png"}, [])


def test_a_target_that_may_be_a_result_is_neither_done_nor_replaced() -> None:
    make("pics/a.jpg", "pics/a_x.jpg", "pics/a_x_x.jpg", "pics/b.jpg")
    assert planned("pics", out="pics/{stem}_x{suffix}") == (
        {"pics/b.jpg": "pics/b_x.jpg"},
        ["pics/a.jpg", "pics/a_x.jpg"],
    )
    # One that was named is meant.
    assert planned("pics/a.jpg", "pics/b.jpg", out="pics/{stem}_x{suffix}")[1] == []
    with pytest.raises(OutputError, match="same file as the input"):
        planned("pics/a.jpg", "pics/a_x.jpg", out="pics/{stem}_x{suffix}")


def test_one_result_that_cannot_be_written_does_not_stop_the_others() -> None:
    make("pics/a.jpg", "pics/b.jpg", "pics/c.jpg", "pics/d/e.jpg", "ada.jpg", "out/d")
    Path("out/a.jpg").mkdir()
    Path("out/b.jpg").hardlink_to("ada.jpg")
    inputs = [Path("ada.jpg")]
    assert planned("pics", out="out", inputs=inputs) == (
        {"pics/c.jpg": "out/c.jpg"},
        ["pics/a.jpg", "pics/b.jpg", "pics/d/e.jpg"],
    )
    with pytest.raises(OutputError, match='same file as the input "ada'):
        planned("pics/b.jpg", "pics/c.jpg", out="out", inputs=inputs)
    with pytest.raises(OutputError, match="is a folder"):
        planned("pics/a.jpg", "pics/d", out="out", inputs=inputs)


def test_what_is_wrong_with_all_is_said_once() -> None:
    make("pics/a.jpg", "pics/b.jpg")
    with pytest.raises(OutputError, match="same file as the input"):
        planned("pics", out="pics")


def test_nothing_found_is_nothing_planned() -> None:
    assert planned("nowhere*", out="out") == ({}, [])
    assert plan_many([], None) == ([], [])


def test_folders_that_stay_empty_are_removed_when_nobody_needs_them() -> None:
    make("pics/a/b.jpg", "pics/a/c.jpg", "pics/d.jpg", "there/x.jpg")
    third, first, second = plan_outputs(find_targets(["pics"]).files, "there/new/out")
    assert third.path == Path("there/new/out/d.jpg")
    with tidy_folder(third):
        make_folder(third)
        with tidy_folder(first):
            make_folder(first)
            with tidy_folder(second):
                make_folder(second)
            assert Path("there/new/out/a").is_dir()
        assert not Path("there/new/out/a").exists()
        assert Path("there/new/out").is_dir()
    assert not Path("there/new").exists()
    with tidy_folder(first), AtomicOutput(first) as file:
        file.commit()
    assert first.path.exists()
    Path("theirs").mkdir()
    (lone,) = plan_outputs(find_targets(["pics/d*"]).files, "theirs")
    with tidy_folder(lone):
        make_folder(lone)
    assert Path("theirs").is_dir()


def test_what_exists_fails_only_when_its_turn_comes() -> None:
    make("pics/a.jpg", "out/a.jpg")
    (output,) = plan_outputs(find_targets(["pics"]).files, "out", clobber=False)
    assert output.exists == "refuse"
    with pytest.raises(OutputExistsError), AtomicOutput(output):
        pass


def test_missing_folders_are_made_when_something_is_written() -> None:
    make("pics/a/b.jpg", "pics/c.jpg")
    outputs = plan_outputs(find_targets(["pics"]).files, "new/out")
    for output in outputs:
        with AtomicOutput(output) as file:
            file.temporary.write_bytes(b"result")
            assert file.commit() == output.path
    assert Path("new/out/a/b.jpg").read_bytes() == b"result"
    assert Path("new/out/c.jpg").read_bytes() == b"result"
    (lone,) = plan_outputs([Path("pics/c.jpg")], "x.jpg")
    assert not lone.make_folder


def test_a_folder_that_turns_into_a_file_meanwhile() -> None:
    make("pics/a/b.jpg")
    (output,) = plan_outputs(find_targets(["pics"]).files, "out")
    make("out/a")
    with pytest.raises(OutputError, match=r'cannot write "out/a/b.jpg"'), AtomicOutput(output):
        pass


@pytest.mark.parametrize(
    ("out", "many", "root"),
    [
        ("out", True, "out"),
        ("out/", False, "out"),
        ("result.jpg", False, "."),
        ("a/result.jpg", False, "a"),
        ("{stem}.jpg", True, "."),
        ("a/{parent}/{stem}.jpg", True, "a"),
        ("a/x{stem}/b.jpg", True, "a"),
        ("/{name}", True, "/"),
    ],
)
def test_root_of_the_results(out: str, many: bool, root: str) -> None:
    assert naming.output_root(out, many=many) == Path(root)


def test_planning_ten_thousand_files_asks_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of looks at the disk grows with the number of files, not with its square."""
    calls = 0
    stat = Path.stat

    def counted(self: Path, **options: bool) -> os.stat_result:
        nonlocal calls
        calls += 1
        return stat(self, **options)

    make(*(f"pics/{number}.jpg" for number in range(200)), *(f"out/{number}.jpg" for number in range(200)))
    monkeypatch.setattr(Path, "stat", counted)
    assert len(names("pics", out="out")) == 200
    assert calls < 200 * 10
