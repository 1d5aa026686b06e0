"""The command faceswap around a job that only pretends."""

from __future__ import annotations

import gc
import json
import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.cli import main
from facefusion_cli.cli.signals import Stopped
from facefusion_cli.core.faces.selection import FaceSelection
from facefusion_cli.core.faceswap.options import SwapOptions
from facefusion_cli.core.faceswap.result import SwapResult, VideoFacts
from facefusion_cli.core.media.outputs import make_folder
from facefusion_cli.errors import InputError, NoFaceError, UsageError

if TYPE_CHECKING:
    from facefusion_cli.core.media.outputs import Output
    from facefusion_cli.core.media.video.watcher import VideoWatcher
    from facefusion_cli.core.weights.provision import Provision


class PretendedJob:
    """Notes what it was asked for; fails where the name of a picture tells it to."""

    asked: SwapOptions
    details = ("it runs on a toy.",)

    def __init__(self, source: Path | None, options: SwapOptions, provision: Provision) -> None:
        self.source = source or Path("nobody")
        self.inputs = (self.source,)
        type(self).asked = options
        if options.engine == "none":
            raise UsageError('there is no engine "none".')

    def choose(self) -> str:
        return "another engine is used." if "lesser" in self.source.name else ""

    def prepare(self) -> tuple[str, ...]:
        return ("the engine is slow.",) if "slow" in self.source.name else ()

    def made_from(self, output: Output) -> dict[str, Any]:
        content = output.target.read_text() if output.target.exists() else ""
        return {"source": self.source.name, "target": content, "face": self.asked.face.rule}

    would_be_made_from = made_from

    def read(self) -> None:
        if "bad" in self.source.name:
            raise NoFaceError(f'no face was found in "{self.source}".', hint="Try another.")

    def run(self, output: Output, watcher: VideoWatcher) -> SwapResult:
        if "bad" in output.target.name:
            raise NoFaceError(f'no face was found in "{output.target}".')
        if "missing" in output.target.name:
            raise InputError(f'there is no file "{output.target}".')
        if "interrupt" in output.target.name:
            raise Stopped(2)
        notes = ("the source is soft.", f'"{output.target}" is odd.') if "odd" in output.target.name else ()
        make_folder(output)
        if "later" in output.target.name:
            raise NoFaceError(f'no face was found in "{output.target}".')
        output.path.touch()
        return SwapResult(
            source=self.source,
            target=output.target,
            output=output.path,
            engine="mesh",
            faces=(0, 2),
            found=3,
            seconds=0.4321,
            notes=notes,
            common=("the source is soft.",) if "known" in output.target.name else (),
            video=VideoFacts(50, 40, 25.0, 29 if "cut" in output.target.name else 50, 50)
            if "v." in output.target.name
            else None,
        )


@pytest.fixture(autouse=True)
def pretend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("facefusion_cli.core.faceswap.job.SwapJob", PretendedJob)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new").mkdir()


def test_what_is_to_be_known_of_the_engine_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.jpg").touch()
    assert main(["faceswap", "lesser.jpg", "b.jpg", "c.jpg", "-o", "new"]) == 0
    assert capsys.readouterr().err.count("warning: another engine is used.") == 1


def test_a_result_is_a_path_on_stdout_and_a_sentence_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faceswap", "dir/a.jpg", "b.jpg"]) == 0
    assert capsys.readouterr() == ("b_swapped.jpg\n", "face of a.jpg -> b.jpg (mesh engine, 0.4 s)\n")
    assert PretendedJob.asked == SwapOptions()


def test_all_options_reach_the_job(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--engine", "mesh", "--face", "0,2", "--source-face", "left", "--image-quality", "80", "--keep-metadata"]
    assert main(["faceswap", *options, "a.jpg", "b.jpg", "-o", "c.png"]) == 0
    assert capsys.readouterr().out == "c.png\n"
    assert PretendedJob.asked == SwapOptions("mesh", FaceSelection("indices", (0, 2)), FaceSelection("left"), 80, True)


def test_json_has_all_there_is_to_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faceswap", "a.jpg", "odd.jpg", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "schema": 1,
        "ok": True,
        "source": "a.jpg",
        "target": "odd.jpg",
        "output": "odd_swapped.jpg",
        "engine": "mesh",
        "faces": [0, 2],
        "found": 3,
        "seconds": 0.432,
        "warnings": ["the source is soft.", '"odd.jpg" is odd.'],
    }
    assert out.count("\n") == 1
    assert err.endswith("(mesh engine, 0.4 s)\n")


def test_quiet_leaves_only_the_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faceswap", "-q", "a.jpg", "odd.jpg"]) == 0
    assert capsys.readouterr() == ("odd_swapped.jpg\n", "")


def test_verbose_says_which_faces(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faceswap", "-v", "a.jpg", "b.jpg"]) == 0
    assert 'faces found in "b.jpg": 3; indices of those replaced: 0, 2.\n' in capsys.readouterr().err


def test_several_targets_go_on_after_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    targets = ["b.jpg", "bad.jpg", "missing.jpg", "c.jpg"]
    assert main(["faceswap", "a.jpg", *targets, "-o", "new", "-q"]) == 1
    assert capsys.readouterr() == (
        "new/b.jpg\nnew/c.jpg\n",
        'error: no face was found in "bad.jpg".\n'
        'error: there is no file "missing.jpg".\n'
        'error: 2 of 4 files failed: "bad.jpg", "missing.jpg".\n',
    )


def test_several_targets_make_a_json_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faceswap", "a.jpg", "b.jpg", "bad.jpg", "-o", "new", "--json"]) == 1
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["output"] == "new/b.jpg"
    assert second == {
        "schema": 1,
        "ok": False,
        "source": "a.jpg",
        "target": "bad.jpg",
        "output": None,
        "error": {"code": "no-face", "message": 'no face was found in "bad.jpg".', "hint": "", "exit_code": 3},
    }


def test_a_lone_target_s_failure_has_its_own_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faceswap", "a.jpg", "bad.jpg"]) == 3
    assert main(["faceswap", "a.jpg", "missing.jpg"]) == 1
    assert capsys.readouterr().err.count("\n") == 2


def test_what_is_wrong_with_the_source_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faceswap", "bad.jpg", "b.jpg", "c.jpg", "-o", "new", "--json"]) == 3
    out, err = capsys.readouterr()
    assert err == 'error: no face was found in "bad.jpg". Try another.\n'
    record = json.loads(out)
    assert (record["source"], record["target"], record["error"]["code"]) == ("bad.jpg", None, "no-face")


def test_with_several_targets_a_warning_names_its_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faceswap", "a.jpg", "odd.jpg"]) == 0
    assert capsys.readouterr().err.startswith("warning: the source is soft.\n")
    assert main(["faceswap", "a.jpg", "b.jpg", "odd.jpg", "-o", "new"]) == 0
    assert "\nwarning: odd.jpg: the source is soft.\n" in capsys.readouterr().err


def test_what_is_to_be_known_of_the_source_is_said_once_but_to_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("known-odd1.jpg", "known-odd2.jpg"):
        Path(name).touch()
    assert main(["faceswap", "a.jpg", "known-odd1.jpg", "known-odd2.jpg", "-o", "new", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err.count("warning: the source is soft.") == err.count("soft") == 1
    assert 'known-odd2.jpg: "known-odd2.jpg" is odd.' in err
    assert [json.loads(line)["warnings"][0] for line in out.splitlines()] == ["the source is soft."] * 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], ""),
        (["--preview", "--crf", "18"], "--preview, --crf"),
        (["--start", "1", "--no-resume", "--face", "left"], "--start, --no-resume"),
        (
            ["--strict", "--codec", "hevc", "--duration", "2", "--preset", "slow"],
            "--duration, --preset, --codec, --strict",
        ),
    ],
)
def test_options_for_videos_without_a_video_are_said_to_do_nothing(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["faceswap", "a.jpg", "b.jpg", "c.jpg", "-o", "new", *words]) == 0
    warning = f"warning: without effect, since no target is a video: {said}.\n" if said else ""
    assert capsys.readouterr().err.startswith(f"{warning}face of a.jpg")
    assert main(["faceswap", "a.jpg", "b.jpg", "v.mp4", "-o", "new", *words]) == 0
    assert "without effect" not in capsys.readouterr().err


def test_what_is_left_alone_is_named_to_those_who_ask(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("in/b.jpg", "in/notes.txt", "in/sub/talk.doc"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    assert main(["faceswap", "a.jpg", "in", "-o", "new", "-v"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[:3] == [
        "left alone: 2 files that are neither picture nor video.",
        'left alone: "in/notes.txt".',
        'left alone: "in/sub/talk.doc".',
    ]
    assert main(["faceswap", "a.jpg", "in", "-o", "new", "--force"]) == 0
    assert "notes.txt" not in capsys.readouterr().err


def test_an_interruption_ends_it_between_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faceswap", "a.jpg", "b.jpg", "interrupt.jpg", "c.jpg", "-o", "new", "-q"]) == 130
    assert capsys.readouterr() == ("new/b.jpg\n", "")


def test_wrong_usage_has_a_json_line_too_once_it_is_known_that_json_is_wanted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["faceswap", "a.jpg", "b.jpg", "--engine", "none", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "usage"
    assert err == 'error: there is no engine "none".\n'
    assert main(["faceswap", "a.jpg", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "usage"
    assert err == "error: missing argument 'TARGET'. Try \"facefusion faceswap --help\".\n"


def test_what_is_to_be_known_of_the_loaded_engine_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b.jpg", "c.jpg"):
        Path(name).touch()
    assert main(["faceswap", "slow.jpg", "b.jpg", "c.jpg", "-o", "new", "-v"]) == 0
    err = capsys.readouterr().err
    assert err.count("warning: the engine is slow.") == 1
    assert err.count("it runs on a toy.") == 1


def test_a_folder_is_done_once_and_then_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("in/b.jpg", "in/sub/c.png", "in/notes.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    Path("a.jpg").write_text("a")
    Path("new/sub").mkdir()
    command = ["faceswap", "a.jpg", "in", "-o", "new", "--json"]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["output"] for line in out.splitlines()] == ["new/b.jpg", "new/sub/c.png"]
    assert "one file that is neither picture nor video" in err
    assert "2 made in" in err
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["skipped"] for line in out.splitlines()] == [True, True]
    assert "0 made, 2 skipped (done before)" in err
    Path("in/b.jpg").write_text("changed")
    assert main([*command, "-q"]) == 0
    assert ["skipped" in json.loads(line) for line in capsys.readouterr().out.splitlines()] == [True, False]
    assert main([*command, "--face", "all", "-q"]) == 0
    assert "skipped" not in capsys.readouterr().out
    assert main([*command, "--face", "all", "-q", "--force"]) == 0
    assert "skipped" not in capsys.readouterr().out


def test_a_dry_run_only_lists(capsys: pytest.CaptureFixture[str]) -> None:
    Path("b.jpg").write_text("b")
    Path("c.jpg").write_text("c")
    Path("new/c.jpg").write_text("old")
    assert main(["faceswap", "a.jpg", "b.jpg", "c.jpg", "-o", "new", "--dry-run"]) == 0
    assert capsys.readouterr().out == "b.jpg -> new/b.jpg  make\nc.jpg -> new/c.jpg  replace\n"
    assert not Path("new/b.jpg").exists()
    assert Path("new/c.jpg").read_text() == "old"
    assert main(["faceswap", "a.jpg", "b.jpg", "c.jpg", "-o", "new", "--dry-run", "--no-clobber", "--json"]) == 1
    assert [json.loads(line)["action"] for line in capsys.readouterr().out.splitlines()] == ["make", "refuse"]


def test_a_dry_run_tells_what_would_fail(capsys: pytest.CaptureFixture[str]) -> None:
    Path("b.jpg").write_text("b")
    Path("empty.jpg").touch()
    os.mkfifo("pipe.jpg")
    command = ["faceswap", "a.jpg", "b.jpg", "nowhere.jpg", "empty.jpg", "pipe.jpg", "-o", "new", "--dry-run"]
    assert main(command) == 1
    assert capsys.readouterr() == (
        "b.jpg -> new/b.jpg  make\n",
        'error: there is no file "nowhere.jpg". Check the name.\n'
        'error: "empty.jpg" is empty.\n'
        'error: "pipe.jpg" is not an ordinary file.\n',
    )
    assert main([*command, "--json"]) == 1
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["ok"], one["target"], one["action"]) for one in records] == [
        (True, "b.jpg", "make"),
        (False, "nowhere.jpg", "fail"),
        (False, "empty.jpg", "fail"),
        (False, "pipe.jpg", "fail"),
    ]
    assert records[1]["error"]["code"] == "bad-input"
    assert main(["faceswap", "a.jpg", "nowhere.jpg", "--dry-run"]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_names_that_bring_nothing_are_failures_of_their_own(dry: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("b.jpg").write_text("b")
    Path("empty").mkdir()
    assert main(["faceswap", "a.jpg", "empty", "b.jpg", "x*.jpg", "-o", "new/", "--json", *dry]) == 1
    out, err = capsys.readouterr()
    records = [json.loads(line) for line in out.splitlines()]
    assert [(one["ok"], one["target"]) for one in records] == [(False, "empty"), (False, "x*.jpg"), (True, "b.jpg")]
    assert dry or '2 of 3 files failed: "empty", "x*.jpg".' in err
    assert main(["faceswap", "a.jpg", "empty", "x*.jpg", "-o", "new", "--json", *dry]) == 1
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["target"], one["error"]["code"]) for one in records] == [
        ("empty", "bad-input"),
        ("x*.jpg", "bad-input"),
    ]
    assert main(["faceswap", "bad.jpg", "x*.jpg", "--json", *dry]) == 1
    (record,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (record["target"], record["error"]["message"]) == ("x*.jpg", 'nothing matches "x*.jpg".')


def test_results_among_the_targets_are_made_again_however_they_changed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("tr").mkdir()
    Path("tr/h.jpg").write_text("h")
    command = ["faceswap", "a.jpg", "tr", "-o", "tr/{stem}_new{suffix}", "--json"]
    assert main(command) == 0
    os.utime("tr/h_new.jpg", (1, 1))
    Path("tr/h2.jpg").write_text("h2")
    capsys.readouterr()
    assert main(command) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(one["output"] for one in records if "skipped" not in one) == ["tr/h2_new.jpg", "tr/h_new.jpg"]
    assert len(records) == 2
    assert main(command) == 0
    assert all(json.loads(line)["skipped"] for line in capsys.readouterr().out.splitlines())


def test_what_may_be_an_original_is_neither_replaced_nor_in_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    Path("tr").mkdir()
    for name in ("b", "h", "h_new"):
        Path(f"tr/{name}.jpg").write_text(name)
    for dry in (["--dry-run"], []):
        assert main(["faceswap", "a.jpg", "tr", "-o", "tr/{stem}_new{suffix}", "--json", *dry]) == 1
        records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [(one["ok"], one["target"]) for one in records] == [(False, "tr/h.jpg"), (True, "tr/b.jpg")]
        assert "may be a file of its own or an earlier result" in records[0]["error"]["message"]
    assert Path("tr/h_new.jpg").read_text() == "h_new"
    assert sorted(path.name for path in Path("tr").glob("*.jpg")) == ["b.jpg", "b_new.jpg", "h.jpg", "h_new.jpg"]


def test_an_incomplete_result_is_made_again_and_is_no_target(capsys: pytest.CaptureFixture[str]) -> None:
    Path("sf").mkdir()
    Path("sf/cutv.mp4").write_text("c")
    command = ["faceswap", "a.jpg", "sf", "-o", "sf/{stem}_new{suffix}", "--json"]
    for _ in range(2):
        assert main(command) == 1
        (record,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert (record["output"], record["error"]["code"]) == ("sf/cutv_new.mp4", "incomplete")
    assert sorted(path.name for path in Path("sf").glob("*.mp4")) == ["cutv.mp4", "cutv_new.mp4"]


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_folders_in_which_nothing_was_made_are_not_left(jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("in/x/y/later.jpg", "in/x/later2.jpg", "in/z/later.jpg", "in/z/b.jpg")
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    assert main(["faceswap", "a.jpg", "in", "-o", "out/mirror", "--jobs", jobs, "-q"]) == 1
    assert sorted(path.as_posix() for path in Path("out").rglob("[!.]*")) == [
        "out/mirror",
        "out/mirror/z",
        "out/mirror/z/b.jpg",
    ]
    assert main(["faceswap", "a.jpg", "in/x", "-o", "other/mirror", "-q"]) == 1
    assert not Path("other").exists()


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_several_at_a_time_make_the_same(jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    targets = [f"{number}.jpg" for number in range(8)]
    assert main(["faceswap", "a.jpg", *targets, "bad.jpg", "-o", "new", "--jobs", jobs, "-q"]) == 1
    out, err = capsys.readouterr()
    assert sorted(out.split()) == [f"new/{target}" for target in targets]
    assert '1 of 9 files failed: "bad.jpg"' in err


def test_no_job_is_no_number_of_jobs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faceswap", "a.jpg", "b.jpg", "--jobs", "0"]) == 2
    assert "--jobs 0" in capsys.readouterr().err


def test_a_video_tells_its_frames_and_a_damaged_one_fails_though_it_is_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["faceswap", "a.jpg", "v.mp4", "--json"]) == 0
    out, err = capsys.readouterr()
    record = json.loads(out)
    assert (record["ok"], record["frames"], record["frames_swapped"], record["frames_missing"]) == (True, 50, 40, 0)
    assert "40 of 50 frames" in err
    assert main(["faceswap", "a.jpg", "cutv.mp4", "--json"]) == 1
    out, err = capsys.readouterr()
    record = json.loads(out)
    assert (record["ok"], record["output"], record["error"]["code"]) == (False, "cutv_swapped.mp4", "incomplete")
    assert 'error: "cutv.mp4" is damaged: only 29 of 50 frames' in err


def test_persons_are_mapped_without_a_source() -> None:
    for name in ("p.jpg", "s.jpg"):
        Path(name).touch()
    assert main(["faceswap", "--map", "p.jpg=s.jpg", "b.jpg", "-q"]) == 0
    assert PretendedJob.asked.people.pairs == ((Path("p.jpg"), Path("s.jpg")),)
    assert main(["faceswap", "--map", "p.jpg=s.jpg", "b.jpg", "--face", "left", "-q"]) == 2


@pytest.mark.parametrize(
    ("words", "seconds"),
    [(["--preview"], 10), (["--preview", "3"], 3), (["--preview=1:00"], 60), (["--preview", "1:30"], 90), ([], None)],
)
def test_preview_may_stand_alone(words: list[str], seconds: int | None) -> None:
    for place in (0, 1, 2):
        arguments = ["a.jpg", "v.mp4"]
        arguments[place:place] = words
        assert main(["faceswap", *arguments, "-q"]) == 0
        assert PretendedJob.asked.video.preview == seconds
    assert Path("v_preview.mp4" if words else "v_swapped.mp4").exists()


def test_what_failed_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error holds the frames it passed through, and they hold pictures."""
    alive: list[weakref.ref[NoFaceError]] = []
    kept: list[int] = []

    def fail(_job: PretendedJob, output: Output, _watcher: VideoWatcher) -> SwapResult:
        gc.collect()
        kept.append(sum(reference() is not None for reference in alive))
        error = NoFaceError(f'no face was found in "{output.target}".')
        alive.append(weakref.ref(error))
        raise error

    monkeypatch.setattr(PretendedJob, "run", fail)
    assert main(["faceswap", "a.jpg", "b.jpg", "c.jpg", "d.jpg", "-o", "new"]) == 1
    assert kept == [0, 0, 0]
