"""Running ffmpeg: where it is, what every call of it says, and what becomes of it."""

from __future__ import annotations

import functools
import os
import subprocess
from typing import TYPE_CHECKING

from facefusion_cli.errors import ProgramError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "broken",
    "ffmpeg_answer",
    "ffmpeg_program",
    "ffmpeg_version",
    "file_argument",
    "input_arguments",
]

FORMATS = [
    "mov",
    "matroska",
    "avi",
    "mpegts",
    "mpeg",
    "mpegvideo",
    "flv",
    "asf",
    "gif",
    "apng",
    "webp_anim",
    "ogg",
    "mxf",
    "nut",
    "ivf",
    "dv",
    "h264",
    "hevc",
    "m4v",
    "obu",
    "yuv4mpegpipe",
]
"""Of ffmpeg's demuxers those that read pictures from the very file they are given and from nowhere else."""

MAX_PIXELS = 8192 * 4320
"""Of one frame; the largest of the common digital formats."""

_VARIABLE = "IMAGEIO_FFMPEG_EXE"
_ANSWER_SECONDS = 20
"""The first start of a large program from a slow disk takes some."""


def ffmpeg_program() -> str:
    """The ffmpeg that imageio-ffmpeg carries, or the one that ``IMAGEIO_FFMPEG_EXE`` names.

    Raises:
        ProgramError: there is none, or it cannot be run, or is another program.
    """
    import imageio_ffmpeg

    try:
        program = str(imageio_ffmpeg.get_ffmpeg_exe())
    except (OSError, RuntimeError) as error:
        raise ProgramError(f"ffmpeg was not found: {str(error).strip().rstrip('.')}.", hint=_hint()) from error
    ffmpeg_version(program)
    return program


def ffmpeg_version(program: str) -> str:
    """What a program says it is: "9.0.2" or the like.

    Raises:
        ProgramError: it cannot be run, or is not ffmpeg.
    """
    words = ffmpeg_answer(program, "-version").split(maxsplit=3)
    if words[:2] != ["ffmpeg", "version"]:
        raise broken(program, "it is another program")
    return words[2]


@functools.lru_cache(maxsize=16)
def ffmpeg_answer(program: str, *question: str) -> str:
    """What it says of itself; asked once.

    Raises:
        ProgramError: it cannot be run.
    """
    try:
        answer = subprocess.run(  # noqa: S603  (the program that the user's environment names)
            [program, "-hide_banner", *question],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=_ANSWER_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise broken(program, f"it did not answer within {_ANSWER_SECONDS} seconds") from error
    except OSError as error:
        raise broken(program, (error.strerror or type(error).__name__).lower()) from error
    if answer.returncode:
        raise broken(program, f"it ended with {answer.returncode}")
    return answer.stdout


def broken(program: str, why: str) -> ProgramError:
    """What the user is told of an ffmpeg that does not run."""
    return ProgramError(f'"{program}" cannot be used as ffmpeg: {why}.', hint=_hint())


def file_argument(path: Path) -> str:
    """A file's name that ffmpeg takes for nothing else: no option, protocol, or pattern."""
    return f"file:{path.absolute()}"


def input_arguments(path: Path) -> Sequence[str]:
    """What stands before and at ``-i`` for a file that a user gave: only that file is opened, in known formats only."""
    return [
        *("-protocol_whitelist", "file"),
        *("-format_whitelist", ",".join(FORMATS)),
        *("-max_pixels", str(MAX_PIXELS)),
        *("-i", file_argument(path)),
    ]


def _hint() -> str:
    if os.environ.get(_VARIABLE):  # which goes before the program of the package
        return f"Unset {_VARIABLE}, or let it name a working ffmpeg."
    return f'Run "pip install --force-reinstall --no-deps imageio-ffmpeg", or let {_VARIABLE} name a working ffmpeg.'
