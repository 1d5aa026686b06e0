"""What a result was made from, as data: equal for two runs exactly if they would make the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.media.fingerprint import fingerprint, fingerprint_array, plain
from facefusion_cli.core.media.video.ffmpeg import ffmpeg_program, ffmpeg_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.device import Device
    from facefusion_cli.core.faceswap.options import SwapOptions
    from facefusion_cli.core.media.formats import Kind

__all__ = ["made_from", "pieces_made_from"]

_METADATA, _MARK = "kept_metadata", "mark"
"""What only joining uses."""


def made_from(
    target: Path,
    kind: Kind,
    source: Path | NDArray[np.uint8] | None,
    options: SwapOptions,
    engine: str,
    device: Device | None,
) -> dict[str, Any]:
    """Fingerprints of the inputs, the options that matter to such a result, engine, device and versions, as JSON.

    ``device``: what the engine's networks run on, None if it has none. It counts with its number of threads, for which
    alone onnxruntime promises the same bits again.

    Raises:
        InputError: a file cannot be read.
        ProgramError: it is a video, and there is no ffmpeg.
    """
    from facefusion_cli import __version__

    people, video = options.people, options.video
    wanted: dict[str, Any] = {
        "face": options.face,
        "source_face": options.source_face,
        "settings": options.settings,
    }
    if device is not None:
        wanted["precision"] = options.precision
    if kind == "picture":
        wanted["image_quality"] = options.image_quality
    else:
        wanted |= {name: getattr(video, name) for name in ("encode", "start", "duration", "preview")}
    return {
        "input": {
            "target": fingerprint(target),
            "source": _of_source(source),
            "extra": [fingerprint(path) for path in people.extra_sources],
            "reference": None if people.reference is None else fingerprint(people.reference),
            "pairs": [[fingerprint(path) for path in pair] for pair in people.pairs],
        },
        "options": {name: plain(value) for name, value in wanted.items()},
        _METADATA: options.keep_metadata,
        _MARK: options.mark,
        "engine": engine,
        "device": None if device is None else device.name,
        "thread_count": None if device is None else device.threads,
        "version": __version__,
        "ffmpeg_version": ffmpeg_version(ffmpeg_program()) if kind == "video" else None,
    }


def pieces_made_from(whole: Mapping[str, Any]) -> dict[str, Any]:
    """Of what a video is made from (see ``made_from``) that which its pieces depend on, before they are joined."""
    return {name: value for name, value in whole.items() if name not in (_METADATA, _MARK)}


def _of_source(source: Path | NDArray[np.uint8] | None) -> str | None:
    if source is None:
        return None
    return fingerprint(source) if isinstance(source, Path) else fingerprint_array(source)
