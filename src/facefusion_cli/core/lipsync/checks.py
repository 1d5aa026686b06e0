"""Whether what the user chose can be, told before anything heavy is imported."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, get_args

from facefusion_cli.core.device import check_wishes, gpu_asked
from facefusion_cli.core.faces.selection import LARGEST
from facefusion_cli.core.lipsync.engine import candidate
from facefusion_cli.core.lipsync.options import Extend, Fit
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from facefusion_cli.core.lipsync.options import LipSyncOptions

__all__ = ["check_options"]

_SHORTEST_CHUNK, _LONGEST_CHUNK = Fraction(1, 10), 60
_MOST_STRENGTH = 2
_MOST_GAIN = 4
_MOST_FPS = 240
_FARTHEST = 10_000
"""Milliseconds of offset."""
_MOST_PAD = 1.0


def check_options(options: LipSyncOptions) -> None:
    """Raise UsageError if an option cannot be, or options exclude each other."""
    candidate(options.engine)
    check_wishes(options.precision, options.threads)
    gpu_asked(options.device)
    face = options.face
    if face.rule == "all" or len(face.indices) > 1:
        raise UsageError("one face speaks at a time.", hint="Choose largest, left, right or one index.")
    if options.reference is not None and face != LARGEST:
        raise UsageError("a face is chosen by place or by a reference picture, not by both.")
    for word, words, what in ((options.fit, Fit, "fit"), (options.extend, Extend, "way to extend")):
        if word not in get_args(words):
            raise UsageError(f'there is no {what} "{word}".', hint=f"Choose one of: {', '.join(get_args(words))}.")
    chunk = options.chunk_seconds
    if not _SHORTEST_CHUNK <= chunk <= _LONGEST_CHUNK:
        raise UsageError(
            f"chunks of {float(chunk):g} seconds cannot be.",
            hint=f"Take {float(_SHORTEST_CHUNK):g} to {_LONGEST_CHUNK}.",
        )
    if not 0 <= options.mouth_strength <= _MOST_STRENGTH:
        raise UsageError(
            f"a mouth strength of {options.mouth_strength:g} cannot be.", hint=f"It goes from 0 to {_MOST_STRENGTH}."
        )
    if not 0 <= options.mix_original <= _MOST_GAIN:
        raise UsageError(
            f"the original sound cannot be {options.mix_original:g} times as loud.",
            hint=f"It goes from 0 to {_MOST_GAIN}.",
        )
    if not 0 < options.fps <= _MOST_FPS:
        raise UsageError(f"{float(options.fps):g} frames a second cannot be.", hint=f"{_MOST_FPS} is the most.")
    if abs(options.sync_offset) > _FARTHEST:
        raise UsageError(f"an offset of {options.sync_offset} ms is too much.", hint=f"{_FARTHEST} is the most.")
    if not all(-_MOST_PAD / 2 < pad <= _MOST_PAD for pad in options.pads):
        raise UsageError("the pads cannot be.", hint="Each may take off less than half of the face's box, or add one.")
