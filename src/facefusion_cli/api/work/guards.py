"""What was sent, measured before any work: by its header, or as soon as the work itself knows more.

Headers lie, so that they only decide about refusing early; the frames and seconds that are really there are counted by
``Reporter`` while they are worked on. The pixels of pictures are measured by ``core.media.images``, from their header
too, against the limit that ``limit_pictures`` sets.
"""

from __future__ import annotations

import os
import re
from fractions import Fraction
from typing import TYPE_CHECKING

from facefusion_cli.api.orders import SwapOrder
from facefusion_cli.core.media.audio.probe import probe_sound
from facefusion_cli.core.media.kinds import identify, is_animated, kind_of, read_head, recognise
from facefusion_cli.core.media.naming import Target
from facefusion_cli.core.media.outputs import result_kind
from facefusion_cli.core.media.video.files import check_file
from facefusion_cli.core.media.video.look import look
from facefusion_cli.core.media.video.words import clock
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.api.orders import LipSyncOrder, Order
    from facefusion_cli.api.settings import Limits

__all__ = [
    "TooHeavyError",
    "TooLargeError",
    "WrongKindError",
    "check_frames",
    "check_order",
    "check_seconds",
    "limit_pictures",
]

_PIXELS = "FACEFUSION_MAX_PIXELS"
_ROUNDING = Fraction(1, 2)
"""Seconds that containers and coders of sound may add to what somebody has cut to the limit."""
_FRAME_SIZE = re.compile(r"(\d+) x (\d+) pixels, where at most")


class TooLargeError(InputError):
    """More pixels, seconds or frames than are taken."""

    code = "too-large"


class TooHeavyError(InputError):
    """More bytes than are taken."""

    code = "too-heavy"


class WrongKindError(InputError):
    """Something else than what is needed, whatever its name says."""

    code = "wrong-kind"


def limit_pictures(limits: Limits) -> None:
    """Have this process refuse pictures of more pixels, wherever it reads one; a limit that is set lower stays."""
    given = os.environ.get(_PIXELS, "")
    own = int(given) if given.isdigit() and int(given) > 0 else limits.picture_pixels
    os.environ[_PIXELS] = str(min(own, limits.picture_pixels))


def check_order(order: Order, limits: Limits) -> None:
    """Measure all files of an order.

    Raises:
        WrongKindError: one is something else than what is needed.
        TooLargeError, TooHeavyError: one is too large.
        InputError: one is empty or cannot be read.
        UsageError: the target cannot become what the output's suffix says.
    """
    if isinstance(order, SwapOrder):
        people = order.options.people
        pairs = (path for pair in people.pairs for path in pair)
        for path in (order.source, *people.extra_sources, *filter(None, [people.reference]), *pairs):
            _check_picture(path, limits)
        if result_kind(Target.named(order.target), order.output) == "video":
            _check_video(order.target, limits)
        else:
            _check_picture(order.target, limits)
    else:
        _check_speech(order, limits)


def check_seconds(name: str, seconds: Fraction | float, limits: Limits) -> None:
    """Raise TooLargeError if something of that name, as in "the sound", lasts too long."""
    if seconds > limits.seconds + _ROUNDING:
        raise TooLargeError(
            f"{name} lasts {clock(seconds)}; the limit is {clock(limits.seconds)}.", hint="Cut it, and send the parts."
        )


def check_frames(name: str, frames: Fraction | float, limits: Limits) -> None:
    """Raise TooLargeError if something of that name has too many."""
    if frames > limits.frames:
        raise TooLargeError(
            f"{name} has {round(frames)} frames; the limit is {limits.frames}.",
            hint="Cut it and send the parts, or take fewer frames a second.",
        )


def _check_speech(order: LipSyncOrder, limits: Limits) -> None:
    options = order.options
    if options.reference is not None:
        _check_picture(options.reference, limits)
    if kind_of(order.video) == "picture" and not is_animated(read_head(order.video)):
        _check_picture(order.video, limits)
        rate = options.fps
    else:
        rate = _check_video(order.video, limits)
    seconds = max(_check_sound(path, limits) for path in (order.audio, options.soundtrack) if path is not None)
    if options.fit != "video":
        check_frames("the result", seconds * rate, limits)


def _check_picture(path: Path, limits: Limits) -> None:
    check_file(path, "a picture")
    try:
        identify(read_head(path), path)
    except InputError as error:
        raise WrongKindError(error.message, hint=error.hint) from error
    size = path.stat().st_size
    if size > limits.picture_bytes:
        raise TooHeavyError(
            f'"{path}" has {size / 1e6:.1f} MB; the limit is {limits.picture_bytes / 1e6:g} MB.',
            hint="Send it smaller, or as a JPEG.",
        )


def _check_video(path: Path, limits: Limits) -> Fraction:
    """Returns how many frames a second it has, as far as its header tells."""
    check_file(path)
    head = read_head(path)
    kind, what = recognise(head)
    if kind in ("sound", "other") or (kind == "picture" and not is_animated(head)):
        article = "a picture" if kind == "picture" else what
        raise WrongKindError(f'"{path}" is {article}, where a video is needed.', hint="Send an MP4 file, for example.")
    try:
        seen = look(path)
    except InputError as error:
        if size := _FRAME_SIZE.search(error.message):
            _check_size(path, int(size[1]), int(size[2]), limits)
        if kind == "unknown":
            raise WrongKindError(error.message, hint=error.hint) from error
        raise
    _check_size(path, *seen.shown.size, limits)
    name = f'the video "{path}"'
    rate = seen.shown.rate or next(iter(seen.stream.rates), Fraction(0))
    lengths = [length for length in (seen.header.duration, seen.stream.duration) if length is not None]
    for length in lengths:
        check_seconds(name, length, limits)
    if seen.index is not None and seen.index.samples:
        check_frames(name, seen.index.samples, limits)
    else:
        check_frames(name, max(lengths, default=Fraction(0)) * rate, limits)
    return rate


def _check_size(path: Path, width: int, height: int, limits: Limits) -> None:
    """Upright or lying, as phones have it."""
    large, small = max(limits.frame_width, limits.frame_height), min(limits.frame_width, limits.frame_height)
    if max(width, height) > large or min(width, height) > small:
        raise TooLargeError(
            f'the frames of "{path}" have {width} x {height} pixels; the limit is {large} x {small}.',
            hint="Make it smaller.",
        )


def _check_sound(path: Path, limits: Limits) -> Fraction:
    """Returns the seconds that it says it has, 0 if it does not say."""
    check_file(path, "a sound file")
    kind, what = recognise(read_head(path))
    if kind == "other":
        raise WrongKindError(f'"{path}" is {what}, where sound is needed.', hint="Send a WAV or MP3 file, for example.")
    try:
        sound = probe_sound(path)
    except InputError as error:
        if kind in ("unknown", "picture"):
            raise WrongKindError(error.message, hint=error.hint) from error
        raise
    seconds = sound.promised or Fraction(0)
    check_seconds(f'"{path}"', seconds, limits)
    return seconds
