"""What a result was made from, as data: equal for two runs exactly if they would make the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from facefusion_cli.core.media.fingerprint import fingerprint, plain
from facefusion_cli.core.media.video.ffmpeg import ffmpeg_program, ffmpeg_version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from facefusion_cli.core.device import Device
    from facefusion_cli.core.lipsync.options import LipSyncOptions

__all__ = ["made_from", "pieces_made_from"]

_PIECES = ("face", "fit", "extend", "fps", "sync_offset", "mouth_strength", "close_mouth", "pads")
_VIDEO = ("encode", "start", "duration", "preview")
_NOT_OF_PIECES = ("soundtrack", "joining", "mark", "require_face")
"""What the pieces do not depend on, before they are joined."""


def made_from(target: Path, audio: Path, options: LipSyncOptions, engine: str, device: Device | None) -> dict[str, Any]:
    """Fingerprints of the inputs, the options that matter, engine, device and versions, as JSON.

    ``device``: what the engine's network runs on, None if it has none; it counts with its number of threads.

    Raises:
        InputError: a file cannot be read.
        ProgramError: there is no ffmpeg.
    """
    from facefusion_cli import __version__

    wanted = {name: getattr(options, name) for name in _PIECES}
    wanted |= {name: getattr(options.video, name) for name in _VIDEO}
    wanted["chunk_seconds"] = options.chunk_seconds
    if device is not None:
        wanted["precision"] = options.precision
    return {
        "input": {
            "target": fingerprint(target),
            "audio": fingerprint(audio),
            "reference": None if options.reference is None else fingerprint(options.reference),
        },
        "options": {name: plain(value) for name, value in wanted.items()},
        "soundtrack": None if options.soundtrack is None else fingerprint(options.soundtrack),
        "joining": {"keep_metadata": options.keep_metadata, "mix_original": options.mix_original},
        "mark": options.mark,
        "require_face": options.require_face,  # what was made without may not be what is asked for with it
        "engine": engine,
        "device": None if device is None else device.name,
        "thread_count": None if device is None else device.threads,
        "version": __version__,
        "ffmpeg_version": ffmpeg_version(ffmpeg_program()),
    }


def pieces_made_from(whole: Mapping[str, Any]) -> dict[str, Any]:
    """Of what a result is made from (see ``made_from``) that which its pieces depend on."""
    return {name: value for name, value in whole.items() if name not in _NOT_OF_PIECES}
