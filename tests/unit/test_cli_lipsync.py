"""The command lipsync around a job that only pretends."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.cli import main
from facefusion_cli.cli.lip_present import untouched_sentence
from facefusion_cli.cli.signals import Stopped
from facefusion_cli.core.faces.selection import FaceSelection
from facefusion_cli.core.lipsync.options import LipSyncOptions, Pads
from facefusion_cli.core.lipsync.result import LipSyncResult, Untouched
from facefusion_cli.core.media.outputs import make_folder
from facefusion_cli.core.media.video.encoders import EncodeOptions
from facefusion_cli.core.media.video.options import VideoOptions
from facefusion_cli.core.media.video.projection import Projection
from facefusion_cli.errors import DeviceError, InputError, NoFaceError, WeightsMissingError

if TYPE_CHECKING:
    from facefusion_cli.core.media.outputs import Output
    from facefusion_cli.core.media.video.watcher import VideoWatcher
    from facefusion_cli.core.weights.provision import Provision


class PretendedJob:
    """Notes what it was asked for; fails where the name of a file tells it to."""

    asked: LipSyncOptions
    made: int
    details = ("it runs on a toy.",)

    def __init__(self, options: LipSyncOptions, provision: Provision) -> None:
        type(self).asked = options
        type(self).made = 0

    def read(self) -> None:
        if self.asked.reference is not None and "bad" in self.asked.reference.name:
            raise InputError(f'there is no file "{self.asked.reference}".')

    def choose(self) -> str:
        if self.asked.engine == "wav2lip":
            raise WeightsMissingError("the weights are not stored.")
        return "the mouth engine is used." if self.asked.engine == "auto" else ""

    def prepare(self) -> tuple[str, ...]:
        if self.asked.device == "cuda":
            raise DeviceError("there is no GPU.")
        return ("the engine is slow.",)

    def made_from(self, output: Output) -> dict[str, Any]:
        assert output.sound is not None
        return {"target": output.target.read_text(), "sound": output.sound.read_text(), "fit": self.asked.fit}

    would_be_made_from = made_from

    def run(self, output: Output, watcher: VideoWatcher) -> LipSyncResult:
        assert output.sound is not None
        name = output.target.name + output.sound.name
        if "bad" in name:
            raise NoFaceError(f'no face was found in "{output.target}".')
        if "interrupt" in name:
            raise Stopped(15)
        for number in (1, 2):
            watcher.chunk(number, 2)
        make_folder(output)
        output.path.write_text("moving")
        type(self).made += 1
        untouched = (Untouched(3.2, 65.04, "no face"), Untouched(70.0, 71.0, "another face"))
        return LipSyncResult(
            target=output.target,
            audio=output.sound,
            output=output.path,
            engine="mouth",
            device="cpu",
            frames=250,
            spoken=240,
            fps=25.0,
            length=10.0,
            faces=2,
            decoded=200 if "cut" in name else 250,
            promised=250,
            untouched=untouched if "gaps" in name else (),
            stages={"looking": 1.23456, "speaking": 2.0},
            peak_memory=500_000_000,
            seconds=4.3211,
            notes=("the sound is 8-bit.",) if "odd" in name else (),
            projection=None if self.asked.video.preview is None else Projection(100.0, 43.0, 10**6),
        )


@pytest.fixture(autouse=True)
def pretend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("facefusion_cli.core.lipsync.job.LipSyncJob", PretendedJob)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FACEFUSION_DEVICE", raising=False)


def make(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def records(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_result_is_a_path_on_stdout_and_the_rest_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    make("dir/talk.mp4", "voice.wav")
    assert main(["lipsync", "dir/talk.mp4", "voice.wav"]) == 0
    out, err = capsys.readouterr()
    assert out == "dir/talk_lipsync.mp4\n"
    assert err.splitlines() == [
        "warning: the mouth engine is used.",
        "warning: the engine is slow.",
        "talk.mp4: reading, chunk 1 of 2",
        "talk.mp4: reading, chunk 2 of 2",
        "talk.mp4 speaks voice.wav (mouth engine, 240 of 250 frames, 4.3 s)",
    ]
    assert PretendedJob.asked == LipSyncOptions()
    assert main(["lipsync", "dir/talk.mp4", "voice.wav", "-q"]) == 0
    assert capsys.readouterr() == ("dir/talk_lipsync.mp4\n", "")


def test_a_picture_becomes_a_video(capsys: pytest.CaptureFixture[str]) -> None:
    make("me.jpg", "voice.wav")
    assert main(["lipsync", "me.jpg", "voice.wav", "-q", "--preview"]) == 0
    assert capsys.readouterr().out == "me_preview.mp4\n"


def test_all_options_reach_the_job() -> None:
    make("talk.mp4", "voice.wav", "ada.jpg", "mix.wav")
    words = (
        "--engine mouth --reference ada.jpg --soundtrack mix.wav --mix-original 0.5 --fit Longest --extend freeze "
        "--fps 29.97 --sync-offset -40 --mouth-strength 1.5 --no-close-mouth --pads 1,2,3,4.5 --require-face "
        "--chunk-seconds 1.3 --keep-metadata --device cpu --precision fp32 --threads 2 --codec hevc --crf 20 "
        "--preset fast --start 1:00 --duration 0:30.5 --preview 7 --no-resume --strict"
    )
    assert main(["lipsync", "talk.mp4", "voice.wav", "-o", "new.mkv", "-q", *words.split()]) == 0
    assert PretendedJob.asked == LipSyncOptions(
        engine="mouth",
        reference=Path("ada.jpg"),
        soundtrack=Path("mix.wav"),
        mix_original=0.5,
        fit="longest",
        extend="freeze",
        fps=Fraction(30000, 1001),
        sync_offset=-40,
        mouth_strength=1.5,
        close_mouth=False,
        pads=Pads(0.01, 0.02, 0.03, 0.045),
        require_face=True,
        chunk_seconds=Fraction(13, 10),
        keep_metadata=True,
        device="cpu",
        precision="fp32",
        threads=2,
        video=VideoOptions(
            EncodeOptions("hevc", 20, "fast"), Fraction(60), Fraction(61, 2), Fraction(7), resume=False, strict=True
        ),
    )
    assert main(["lipsync", "talk.mp4", "voice.wav", "-q", "--face", "2"]) == 0
    assert PretendedJob.asked.face == FaceSelection("indices", (2,))


@pytest.mark.parametrize(
    "words",
    [
        ["--face", "all"],
        ["--face", "0,1"],
        ["--face", "left", "--reference", "ada.jpg"],
        ["--engine", "magic"],
        ["--fit", "both"],
        ["--extend", "black"],
        ["--fps", "0"],
        ["--fps", "1000"],
        ["--sync-offset", "99999"],
        ["--sync-offset", "x"],
        ["--mouth-strength", "3"],
        ["--mix-original", "9"],
        ["--pads", "1,2"],
        ["--pads", "0,900,0,0"],
        ["--chunk-seconds", "61"],
        ["--chunk-seconds", "0"],
        ["--start", "soon"],
        ["--codec", "wmv"],
        ["--crf", "60"],
        ["--preset", "warp"],
        ["--jobs", "0"],
        ["--device", "gpu"],
        ["--precision", "fp8"],
        ["--threads", "0"],
        ["-o", "new"],
        ["-o", "new.xyz"],
        ["-o", "new.wav"],
        ["-o", "new.webm", "--codec", "h264"],
        ["-o", "{voice}.mp4"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_one_sentence_and_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    make("talk.mp4", "voice.wav")
    assert main(["lipsync", "talk.mp4", "voice.wav", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), err[:7]) == ("", 1, "error: ")
    assert sorted(path.name for path in Path().iterdir()) == ["talk.mp4", "voice.wav"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["talk.mp4"], "missing argument 'AUDIO'"),
        (["voice.wav", "talk.mp4"], '"voice.wav" is a sound'),
        (["a.wav", "b.wav", "c.wav"], "none of these 3 files is a video"),
    ],
)
def test_words_that_are_no_pair(words: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lipsync", *words, "--json"]) == 2
    out, err = capsys.readouterr()
    record = json.loads(out)
    assert (record["target"], record["audio"], record["error"]["code"]) == (None, None, "usage")
    assert part in err


@pytest.mark.parametrize("out", ["talk.mp4", "voice.mp4", "mix.mp4"])
def test_no_input_is_written_over(out: str, capsys: pytest.CaptureFixture[str]) -> None:
    make("talk.mp4", "voice.mp4", "mix.mp4")
    assert main(["lipsync", "talk.mp4", "voice.mp4", "--soundtrack", "mix.mp4", "-o", out]) == 1
    assert f'{out}" is the same file as the input "{out}".' in capsys.readouterr().err
    assert Path(out).read_text() == out


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--engine", "wav2lip"], 4), (["--device", "cuda"], 5), (["--reference", "bad.jpg"], 1)],
)
def test_what_stops_the_run_has_its_own_exit_code(
    words: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    make("talk.mp4", "voice.wav")
    assert main(["lipsync", "talk.mp4", "voice.wav", *words, "--json"]) == code
    (record,) = records(capsys)
    assert (record["ok"], record["target"], record["error"]["exit_code"]) == (False, None, code)


def test_json_has_all_there_is_to_know(capsys: pytest.CaptureFixture[str]) -> None:
    make("gaps.mp4", "odd.wav")
    assert main(["lipsync", "gaps.mp4", "odd.wav", "--json", "--preview"]) == 0
    (record,) = records(capsys)
    assert record == {
        "schema": 1,
        "ok": True,
        "target": "gaps.mp4",
        "audio": "odd.wav",
        "output": "gaps_preview.mp4",
        "engine": "mouth",
        "device": "cpu",
        "frames": 250,
        "spoken": 240,
        "frames_missing": 0,
        "fps": 25.0,
        "length": 10.0,
        "faces": 2,
        "untouched": [
            {"start": 3.2, "stop": 65.04, "reason": "no face"},
            {"start": 70.0, "stop": 71.0, "reason": "another face"},
        ],
        "stages": {"looking": 1.235, "speaking": 2.0},
        "peak_memory": 500_000_000,
        "projection": {"length": 100.0, "seconds": 43.0, "bytes": 1_000_000},
        "seconds": 4.321,
        "warnings": ["the sound is 8-bit."],
    }


def test_what_was_left_untouched_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    make("gaps.mp4", "odd.wav")
    assert main(["lipsync", "gaps.mp4", "odd.wav", "--preview", "5", "-v"]) == 0
    err = capsys.readouterr().err.splitlines()
    assert "warning: the sound is 8-bit." in err
    assert "lips were not moved from 0:03.2 to 1:05.0 (no face), 1:10.0 to 1:11.0 (another face)." in err
    assert "it runs on a toy." in err
    assert "faces followed: 2; most memory: 500 MB." in err
    assert err[-1] == "the whole of 1:40 would take about 43.0 s and 1.0 MB."


def test_of_many_stretches_ten_are_named() -> None:
    stretches = [Untouched(2.0 * number, 2.0 * number + 1, "no face") for number in range(3600)]
    sentence = untouched_sentence(stretches)
    assert sentence.count("(no face)") == 10
    assert sentence.endswith("0:18.0 to 0:19.0 (no face), and in 3590 more stretches.")
    assert untouched_sentence(stretches[:11]).endswith("and in 1 more stretch.")
    assert "1:01:06.0 to 1:01:07.0" in untouched_sentence(stretches[1833:])


def test_a_damaged_video_fails_though_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    make("cut.mp4", "voice.wav")
    assert main(["lipsync", "cut.mp4", "voice.wav", "--json"]) == 1
    (record,) = records(capsys)
    assert (record["ok"], record["output"], record["frames_missing"]) == (False, "cut_lipsync.mp4", 50)
    assert record["error"]["code"] == "incomplete"


def test_a_lone_failure_has_its_own_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    make("bad.mp4", "voice.wav", "interrupt.mp4")
    assert main(["lipsync", "bad.mp4", "voice.wav", "--json"]) == 3
    assert records(capsys) == [
        {
            "schema": 1,
            "ok": False,
            "target": "bad.mp4",
            "audio": "voice.wav",
            "output": None,
            "error": {"code": "no-face", "message": 'no face was found in "bad.mp4".', "hint": "", "exit_code": 3},
        }
    ]
    assert main(["lipsync", "interrupt.mp4", "voice.wav"]) == 143


def test_nothing_is_loaded_for_a_sound_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    make("talk.mp4")
    assert main(["lipsync", "talk.mp4", "gone_bad.wav", "--engine", "wav2lip"]) == 3
    assert "weights" not in capsys.readouterr().err


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_folders_go_on_after_failures_and_end_with_a_summary(jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    make("clips/a.mp4", "clips/bad.mp4", "clips/sub/c.png", "clips/lonely.mp4", "clips/notes.txt")
    make("voices/a.wav", "voices/bad.mp3", "voices/sub/c.ogg", "voices/nobody.wav")
    assert main(["lipsync", "clips", "voices", "-o", "out", "--jobs", jobs]) == 1
    out, err = capsys.readouterr()
    assert sorted(out.split()) == ["out/a.mp4", "out/sub/c.mp4"]
    assert 'error: there is no sound for "clips/lonely.mp4".' in err
    assert 'error: there is no video for "voices/nobody.wav".' in err
    assert "left alone: one file that is neither picture, video nor sound." in err
    assert "2 made, 3 failed (2 bad-input, 1 no-face)" in err
    assert err.endswith(
        'error: 3 of 5 files failed: "clips/lonely.mp4", "voices/nobody.wav", "clips/bad.mp4".\n',
    )


def test_who_has_no_partner_is_a_record_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    make("clips/a.mp4", "voices/b.wav")
    assert main(["lipsync", "clips", "voices", "-o", "out", "--json"]) == 1
    assert [(one["ok"], one["target"], one["audio"]) for one in records(capsys)] == [
        (False, "clips/a.mp4", None),
        (False, None, "voices/b.wav"),
    ]
    assert not Path("out").exists()


def test_one_video_with_many_sounds(capsys: pytest.CaptureFixture[str]) -> None:
    make("talk.mp4", "de.wav", "en.wav", "bad.wav")
    assert main(["lipsync", "talk.mp4", "de.wav", "en.wav", "bad.wav", "-o", "out/"]) == 1
    out, err = capsys.readouterr()
    assert out.split() == ["out/talk_de.mp4", "out/talk_en.mp4"]
    assert "\nen.wav: reading, chunk 2 of 2\n" in err
    assert err.endswith('error: 1 of 3 files failed: "bad.wav".\n')


def test_a_folder_is_done_once_and_then_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    make("clips/a.mp4", "clips/b.mp4", "voice.wav")
    command = ["lipsync", "clips", "voice.wav", "-o", "out", "--json"]
    assert main(command) == 0
    assert [("skipped" in one, one["audio"]) for one in records(capsys)] == 2 * [(False, "voice.wav")]
    assert main(command) == 0
    assert [(one["skipped"], one["target"], one["audio"]) for one in records(capsys)] == [
        (True, "clips/a.mp4", "voice.wav"),
        (True, "clips/b.mp4", "voice.wav"),
    ]
    assert PretendedJob.made == 0
    Path("voice.wav").write_text("another voice")
    assert main(command) == 0
    assert PretendedJob.made == 2
    assert main([*command, "--fit", "video"]) == 0
    assert PretendedJob.made == 2
    assert main([*command, "--fit", "video", "--force"]) == 0
    assert PretendedJob.made == 2


def test_a_dry_run_only_lists(capsys: pytest.CaptureFixture[str]) -> None:
    make("clips/a.mp4", "clips/b.jpg", "clips/c.mp4", "voices/a.wav", "voices/b.wav", "voices/c.wav", "out/a.mp4")
    Path("voices/c.wav").write_bytes(b"")
    command = ["lipsync", "clips", "voices", "-o", "out", "--dry-run"]
    assert main(command) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "clips/a.mp4 + voices/a.wav -> out/a.mp4  replace",
        "clips/b.jpg + voices/b.wav -> out/b.mp4  make",
    ]
    assert err == 'error: "voices/c.wav" is empty.\n'
    assert main([*command, "--json", "--no-clobber"]) == 1
    assert [(one["audio"], one["action"]) for one in records(capsys)] == [
        ("voices/a.wav", "refuse"),
        ("voices/b.wav", "make"),
        ("voices/c.wav", "fail"),
    ]
    assert Path("out/a.mp4").read_text() == "out/a.mp4"


@pytest.mark.parametrize(("words", "seconds"), [(["--preview"], 10), (["--preview", "3"], 3), ([], None)])
def test_preview_may_stand_alone(words: list[str], seconds: int | None) -> None:
    make("talk.mp4", "voice.wav")
    for place in (0, 1, 2):
        arguments = ["talk.mp4", "voice.wav"]
        arguments[place:place] = words
        assert main(["lipsync", *arguments, "-q"]) == 0
        assert PretendedJob.asked.video.preview == seconds
