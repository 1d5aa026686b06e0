"""What a result was made from, as data: equal for two runs exactly if they would make the same."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.media.fingerprint import fingerprint

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.faceswap.options import SwapOptions

__all__ = ["made_from"]


def made_from(target: Path, source: Path | None, options: SwapOptions, engine: str, device: str) -> dict[str, Any]:
    """Fingerprints of the files, the options that matter, engine, device and version, as JSON.

    Raises:
        InputError: a file cannot be read.
    """
    from facefusion_cli import __version__

    people = options.people
    kept = {
        "face": options.face,
        "source_face": options.source_face,
        "image_quality": options.image_quality,
        "keep_metadata": options.keep_metadata,
        "precision": options.precision,
        "settings": options.settings,
        "encode": options.video.encode,
        "start": options.video.start,
        "duration": options.video.duration,
        "preview": options.video.preview,
    }
    return {
        "input": {
            "target": fingerprint(target),
            "source": None if source is None else fingerprint(source),
            "extra": [fingerprint(path) for path in people.extra_sources],
            "reference": None if people.reference is None else fingerprint(people.reference),
            "pairs": [[fingerprint(path) for path in pair] for pair in people.pairs],
        },
        "options": {name: _plain(value) for name, value in kept.items()},
        "engine": engine,
        "device": device,
        "version": __version__,
    }


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
