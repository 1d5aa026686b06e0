"""ffmpeg: which one it is, and what it can write."""

from __future__ import annotations

import os
import subprocess

from facefusion_cli.core.diagnosis.report import Fact
from facefusion_cli.core.media.video.encoder_check import working_codecs
from facefusion_cli.errors import FaceFusionError

__all__ = ["ffmpeg"]

NEEDED = ("libx264", "aac")
"""Encoders that videos are written with."""
_TIMEOUT = 20  # seconds; the first start of a large program from a slow disk takes some
_VARIABLE = "IMAGEIO_FFMPEG_EXE"


def ffmpeg() -> list[Fact]:
    """The program that imageio-ffmpeg names, and what it can do."""
    try:
        import imageio_ffmpeg

        program = imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, OSError, RuntimeError) as error:
        problem = FaceFusionError(f"ffmpeg was not found: {str(error).strip().rstrip('.')}.", hint=_hint())
        return [Fact.problem("ffmpeg", problem)]
    try:
        version = (_asked(program, "-version").splitlines() or [""])[0]
        listed = _asked(program, "-encoders")
    except subprocess.TimeoutExpired:
        return [_broken(program, f"it did not answer within {_TIMEOUT} seconds")]
    except subprocess.CalledProcessError as error:
        return [_broken(program, f"it ended with {error.returncode}")]
    except OSError as error:
        return [_broken(program, error.strerror or type(error).__name__)]
    if not version.startswith("ffmpeg version "):
        return [_broken(program, "it is another program")]
    number = version.removeprefix("ffmpeg version ").split(" ")[0]
    encoders = _encoders(program, listed)
    facts = [
        Fact("ffmpeg", number, "ok", {"version": number}),
        Fact("program", program, data={"path": program}),
        encoders,
    ]
    return facts if encoders.state == "problem" else [*facts, _codecs()]


def _asked(program: str, question: str) -> str:
    answer = subprocess.run(  # noqa: S603  (the program that would be run for every video)
        [program, "-hide_banner", question],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=True,
        timeout=_TIMEOUT,
    )
    return answer.stdout


def _encoders(program: str, listed: str) -> Fact:
    """Encoders without which there are no videos."""
    names = {words[1] for line in listed.splitlines() if len(words := line.split()) > 1}
    missing = [name for name in NEEDED if name not in names]
    if missing:
        error = FaceFusionError(f'the ffmpeg "{program}" lacks the encoders {" and ".join(missing)}.', hint=_hint())
        return Fact.problem("encoders", error, found=[name for name in NEEDED if name in names], missing=missing)
    return Fact("encoders", ", ".join(NEEDED), "ok", {"found": list(NEEDED)})


def _codecs() -> Fact:
    """What ``--codec`` can be here: each has encoded a few frames."""
    working = working_codecs()
    return Fact("codecs", ", ".join(working), "ok", {"working": list(working)})


def _broken(program: str, why: str) -> Fact:
    return Fact.problem("ffmpeg", FaceFusionError(f'"{program}" cannot be used as ffmpeg: {why}.', hint=_hint()))


def _hint() -> str:
    if os.environ.get(_VARIABLE):  # which goes before the program of the package
        return f"Unset {_VARIABLE}, or let it name a working ffmpeg."
    return f'Run "pip install --force-reinstall --no-deps imageio-ffmpeg", or let {_VARIABLE} name a working ffmpeg.'
