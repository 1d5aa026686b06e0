"""Filters of ffmpeg's that make a track of sound fit for an encoder or a mix."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

    from facefusion_cli.core.media.video.sounds import Sound

__all__ = ["cut", "filled", "known", "numbers_only"]

_MOST_CHANNELS = 8
"""That encoders take; of more, their mean is heard."""


def cut(end: Fraction | None) -> str:
    """What is heard from second 0 to ``end``; None: to its own end."""
    return "atrim=start=0" + (f":end={float(end):.6f}" if end is not None else "")


def filled(end: Fraction, late: Fraction, rate: int | None = None) -> list[str]:
    """Silence wherever there is nothing, from second 0 to ``end``, at that rate or its own.

    ``late`` is when the track begins, about. What silence aresample adds it holds in memory, 1.4 GB an hour, so that
    most of a long one comes from elsewhere.
    """
    before = max(0, math.floor(late) - 1)
    resampled = f"aresample={'' if rate is None else f'{rate}:'}async=1:first_pts=0"
    if before:
        delayed = [f"asetpts=PTS-{before}/TB", resampled, f"adelay=delays={before}s:all=1", "asetpts=N/SR/TB"]
    else:
        delayed = [resampled]
    return [*delayed, f"apad=whole_dur={float(end):.6f}"]


def numbers_only(sound: Sound) -> list[str]:
    """Silence for what is no number, or infinite, at which encoders fail; only tracks of some codecs can hold it."""
    if not sound.codec.startswith("pcm_f") and sound.codec != "wavpack":
        return []
    return ["aeval=exprs='if(lt(abs(val(ch)),1e6),val(ch),0)':channel_layout=same"]


def known(sound: Sound) -> tuple[list[str], int]:
    """As encoders take it: channels that have names, and how many they are."""
    if sound.channels > _MOST_CHANNELS:
        mean = "+".join(f"{1 / sound.channels:.6f}*c{number}" for number in range(sound.channels))
        return [f"pan=mono|c0={mean}"], 1
    # Some decoders do not say where the only channel or the two are heard.
    layout = {1: "mono", 2: "stereo"}.get(sound.channels)
    return [f"aformat=channel_layouts={layout}"] if layout else [], sound.channels
