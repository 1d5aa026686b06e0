"""What clients read of errors: the command's sentences, without any path, with the status that fits."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facefusion_cli import errors
from facefusion_cli.api.orders import LipSyncOrder, SwapOrder
from facefusion_cli.api.work.guards import TooHeavyError, TooLargeError, WrongKindError
from facefusion_cli.api.work.paths import without_paths
from facefusion_cli.api.work.wording import Wording
from facefusion_cli.core.faceswap.options import People, SwapOptions
from facefusion_cli.core.lipsync.options import LipSyncOptions
from facefusion_cli.core.media.disk_errors import output_error
from facefusion_cli.core.media.room import check_room
from facefusion_cli.core.media.video.unwritten import unwritten
from facefusion_cli.core.media.video.words import incomplete

if TYPE_CHECKING:
    from facefusion_cli.errors import FaceFusionError

ROOT = Path("/var/tmp/some place/facefusion-serve-00ff")
FOLDER = ROOT / "8c1d2e"
SOURCE, TARGET, RESULT = FOLDER / "source_image.png", FOLDER / "target_image.jpg", FOLDER / "result.jpg"
VIDEO, AUDIO = FOLDER / "video.mp4", FOLDER / "audio"
SWAP = SwapOrder(
    FOLDER,
    SOURCE,
    TARGET,
    RESULT,
    SwapOptions(people=People(extra_sources=(FOLDER / "extra1.png",), reference=FOLDER / "reference.png")),
)
SPEECH = LipSyncOrder(FOLDER, VIDEO, AUDIO, FOLDER / "result.mp4", LipSyncOptions(soundtrack=FOLDER / "soundtrack.mp3"))


def caused(error: FaceFusionError, cause: BaseException) -> FaceFusionError:
    error.__cause__ = cause
    return error


def no_room() -> errors.OutputError:
    with pytest.raises(errors.OutputError) as raised:
        check_room(Path.cwd(), 2**60, "the video")
    return raised.value


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        (f'no face was found in "{TARGET}".', "no face was found in the target picture."),
        (f'"{SOURCE}" has 2 faces: the largest was taken.', "the source picture has 2 faces: the largest was taken."),
        (f'the output "{RESULT}" is a folder.', "the result is a folder."),
        (f'cannot write "{RESULT}": it is odd.', "cannot write the result: it is odd."),
        (f'"{FOLDER}/extra1.png" is empty.', "a source picture is empty."),
        (
            f'nobody in "{TARGET}" is "{FOLDER}/reference.png".',
            "nobody in the target picture is the reference picture.",
        ),
        (f"{TARGET}: Invalid data found", "the target picture: Invalid data found"),
        (f'ffmpeg says "{TARGET}: Invalid data".', 'ffmpeg says "the target picture: Invalid data".'),
        ('"source_image.png" is new to us.', "the source picture is new to us."),
        ("source_image.png, and others", "the source picture, and others"),
        (f'the folder "{FOLDER}" for the output does not exist.', "a working file for the output does not exist."),
        (f'"{FOLDER}/.facefusion-1.work/faces-00000.seen" is damaged.', "a working file is damaged."),
        (f'the piece "{FOLDER}/.facefusion-1.work/0.mkv" cannot be read.', "a working file cannot be read."),
        ('the network "/srv/models/det_10g.onnx" is odd.', "a file is odd."),
        ('"C:\\Users\\me\\x.onnx" is odd.', "a file is odd."),
        ("Permission denied: /etc/shadow.", "Permission denied: a file."),
        ("see https://example.test/a/b and 30000/1001.", "see https://example.test/a/b and 30000/1001."),
        ("it keeps its own rate: --fps is for still pictures.", "it keeps its own rate: fps is for still pictures."),
        ("Without --require-face these are left.", "Without require_face these are left."),
        (
            "Make it smaller, or raise the limit with the environment variable FACEFUSION_MAX_PIXELS.",
            "Make it smaller.",
        ),
    ],
)
def test_names_of_files_become_words(sentence: str, read: str) -> None:
    assert Wording(SWAP).of(sentence) == read


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        (f'the video "{VIDEO}" has no frames.', "the video has no frames."),
        (f'the sound of "{AUDIO}" cannot be decoded: odd.', "the sound of the audio cannot be decoded: odd."),
        (f'there is no sound in "{AUDIO}".', "there is no sound in the audio."),
        (f'"{FOLDER}/soundtrack.mp3" is empty.', "the soundtrack is empty."),
        ("the audio of video.mp4 is heard", "the audio of the video is heard"),
        ("an audio track, a video track", "an audio track, a video track"),
    ],
)
def test_names_of_files_of_speech_become_words(sentence: str, read: str) -> None:
    assert Wording(SPEECH).of(sentence) == read


CASES = [
    (errors.UsageError("no."), 422, "usage"),
    (errors.InputError(f'"{TARGET}" is damaged.'), 422, "bad-input"),
    (incomplete(TARGET, 29, 50, f'"{RESULT}" holds these.'), 422, "incomplete"),
    (errors.NoFaceError("none."), 422, "no-face"),
    (errors.ContentRefusedError("no."), 422, "content-refused"),
    (errors.FaceIndexError("none."), 422, "face-index"),
    (errors.FaceTooSmallError("tiny."), 422, "face-too-small"),
    (WrongKindError("a sound."), 415, "wrong-kind"),
    (TooLargeError("long."), 422, "too-large"),
    (TooHeavyError("heavy."), 413, "too-heavy"),
    (errors.OutputError(f'cannot write "{RESULT}": odd.'), 500, "output"),
    (output_error(RESULT, OSError(errno.ENOSPC, "No space left on device")), 507, "disk-full"),
    (output_error(RESULT, OSError(errno.EDQUOT, "Disk quota exceeded")), 507, "disk-full"),
    (unwritten(RESULT, "av_write: No space left on device", what="the video", task="join"), 507, "disk-full"),
    (OSError(errno.ENOSPC, "No space left on device", str(RESULT)), 507, "disk-full"),
    (no_room(), 507, "disk-full"),
    (PermissionError(errno.EACCES, "Permission denied", "/etc/shadow"), 500, "failure"),
    (MemoryError(), 503, "no-memory"),
    (caused(errors.InputError(f'"{TARGET}" needs more memory than there is.'), MemoryError()), 503, "no-memory"),
    (errors.WeightsMissingError("missing.", hint="Fetch /x/y."), 503, "weights-missing"),
    (errors.WeightsDamagedError('"/root/models/x.onnx" is damaged.'), 503, "weights-damaged"),
    (errors.DeviceError("cuda:0 failed.", hint="Take --device cpu."), 503, "device"),
    (errors.ProgramError('"/usr/bin/ffmpeg" cannot be used as ffmpeg: odd.'), 500, "ffmpeg"),
    (ValueError(f"odd: {TARGET}"), 500, "bug"),
    (errors.InternalError(f"a bug: {TARGET}."), 500, "bug"),
]


@pytest.mark.parametrize(("error", "status", "code"), CASES)
def test_a28_every_error_has_a_status_and_no_path(error: Exception, status: int, code: str) -> None:
    failure = Wording(SWAP).failure(error)
    assert (failure.status, failure.code) == (status, code)
    for text in (failure.message, failure.hint):
        assert "/" not in text
        assert str(FOLDER.name) not in text
        assert "--" not in text
    assert failure.message.endswith(".")


def test_hints_are_for_those_who_can_heed_them() -> None:
    wording = Wording(SWAP)
    assert wording.failure(errors.NoFaceError("none.", hint="Try --face 1.")).hint == "Try face 1."
    assert wording.failure(errors.DeviceError("gone.", hint="Take --device cpu.")).hint == ""


def test_targets_are_called_what_they_are(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"\0\0\0\x18ftypisom" + bytes(12))
    order = SwapOrder(tmp_path, tmp_path / "source.png", target, tmp_path / "result.mp4", SwapOptions())
    assert Wording(order).of(f'the video "{target}" has no frames.') == "the target video has no frames."


def test_sentences_for_whoever_runs_it_have_no_paths_either() -> None:
    told = without_paths(
        'weights are damaged ("/home/me/models/x.onnx"); "facefusion download-models x --models-dir /home/me/models"'
    )
    assert "/home" not in told
    assert "facefusion download-models x" in told
