"""ffmpeg: which one it is, and what it can write."""

from __future__ import annotations

from facefusion_cli.core.diagnosis.report import Fact
from facefusion_cli.core.media.video.encoder_check import working_codecs
from facefusion_cli.core.media.video.ffmpeg import broken, ffmpeg_answer, ffmpeg_program, ffmpeg_version
from facefusion_cli.errors import ProgramError

__all__ = ["ffmpeg"]

_NEEDED = ("libx264", "aac")
"""Encoders that videos are written with."""


def ffmpeg() -> list[Fact]:
    """The program that imageio-ffmpeg names, and what it can do."""
    try:
        program = ffmpeg_program()
        number = ffmpeg_version(program)
        listed = ffmpeg_answer(program, "-encoders")
    except ProgramError as error:
        return [Fact.problem("ffmpeg", error)]
    encoders = _encoders(program, listed)
    facts = [
        Fact("ffmpeg", number, "ok", {"version": number}),
        Fact("program", program, data={"path": program}),
        encoders,
    ]
    return facts if encoders.state == "problem" else [*facts, _codecs()]


def _encoders(program: str, listed: str) -> Fact:
    """Encoders without which there are no videos."""
    names = {words[1] for line in listed.splitlines() if len(words := line.split()) > 1}
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        error = broken(program, f"it lacks the encoders {' and '.join(missing)}")
        return Fact.problem("encoders", error, found=[name for name in _NEEDED if name in names], missing=missing)
    return Fact("encoders", ", ".join(_NEEDED), "ok", {"found": list(_NEEDED)})


def _codecs() -> Fact:
    """What ``--codec`` can be here: each has encoded a few frames."""
    working = working_codecs()
    return Fact("codecs", ", ".join(working), "ok", {"working": list(working)})
