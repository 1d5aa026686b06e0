"""Frames into a file, encoded by ffmpeg from a pipe."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.media.disk_errors import output_error
from facefusion_cli.core.media.video.encoder_check import check_encoder
from facefusion_cli.core.media.video.encoders import SEGMENT_SUFFIX
from facefusion_cli.core.media.video.ffmpeg import file_argument
from facefusion_cli.core.media.video.layout import Bgr
from facefusion_cli.core.media.video.packets import read_packets
from facefusion_cli.core.media.video.process import FfmpegRun
from facefusion_cli.errors import InputError, OutputError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

    from facefusion_cli.core.media.video.encoders import EncodeOptions
    from facefusion_cli.core.media.video.layout import Layout
    from facefusion_cli.core.media.video.probe import Video

__all__ = ["SEGMENT_SUFFIX", "FrameWriter"]

_CAUSES = {
    "No space left on device": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "Read-only file system": errno.EROFS,
    "Permission denied": errno.EACCES,
    "No such file or directory": errno.ENOENT,
}


class FrameWriter:
    """A closed piece of video (no audio) at the rate, size, pixel aspect and colours of ``like``; a context manager.

    The piece begins with a key frame, refers to nothing outside itself, and pieces made alike can be joined without
    encoding again. Its format is that of ``SEGMENT_SUFFIX``, which ``path`` must have. Frames are BGR, or of another
    ``layout``.

    Raises:
        OutputError: the encoder fails, stops, or cannot write (disk full).
        UsageError: the codec asked for cannot be used here.
    """

    def __init__(self, path: Path, like: Video, options: EncodeOptions, layout: Layout | None = None) -> None:
        self._path, self._like, self._options = path, like, options
        self._layout = layout or Bgr(like)
        self._cleanup = contextlib.ExitStack()
        self._written = 0

    def __enter__(self) -> FrameWriter:
        like = self._like
        if not self._path.parent.is_dir():
            raise output_error(self._path, FileNotFoundError(errno.ENOENT, ""))
        encoder = check_encoder(self._options, like.width, like.height)
        pixel_format = encoder.odd if like.width % 2 or like.height % 2 else encoder.even
        aspect = f"setsar={like.sar.numerator}/{like.sar.denominator}"
        filters = f"{self._layout.encoded(pixel_format)},{aspect}{encoder.upload}"
        arguments = [
            *("-loglevel", "repeat+error", "-y", *encoder.before),
            *("-f", "rawvideo", "-pix_fmt", self._layout.pixel_format, "-video_size", f"{like.width}x{like.height}"),
            # Not "-framerate": with that ffmpeg takes 120000/1001 for 120.
            *("-r", str(like.fps), "-i", "pipe:0", "-vf", filters),
            *("-c:v", encoder.program, *encoder.arguments(self._options.crf, self._options.preset)),
            *("-f", encoder.muxer, file_argument(self._path)),
        ]
        self._run = self._cleanup.enter_context(FfmpegRun(arguments, feed=True))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill the encoder unless ``close`` was called."""
        self._cleanup.close()

    def write(self, frame: NDArray[np.uint8]) -> None:
        """Add a frame: (H, W, 3) uint8 BGR, or of the layout's shape."""
        if frame.shape != self._layout.shape:
            raise ValueError(f"a frame of another shape: {frame.shape}")
        try:
            with self._run.waiting():
                self._run.stdin.write(np.ascontiguousarray(frame).data.cast("B"))
        except OSError as error:
            raise self._failed(self._run.finish()) from error
        self._written += 1

    def close(self) -> None:
        """Finish the file; only after this it is whole."""
        code = self._run.finish()
        if code or self._run.stalled:
            raise self._failed(code)
        # The encoder's word is not enough: what is not in the file now is lost for ever.
        try:
            found = len(read_packets(self._path, 0, stamped=True).stamps)
        except InputError as error:
            raise self._removed() or OutputError(
                f'"{self._path}" cannot be read again after it was written.'
            ) from error
        if found != self._written:
            raise self._lost()

    def _failed(self, code: int) -> OutputError:
        if self._run.stalled:
            return OutputError(f'cannot write "{self._path}": ffmpeg stopped answering.')
        if removed := self._removed():
            return removed
        for line in self._run.tail:
            for sign, number in _CAUSES.items():
                if sign in line:
                    return output_error(self._path, OSError(number, sign))
        if code < 0:
            return OutputError(f'cannot write "{self._path}": ffmpeg was stopped by signal {-code}.')
        said = next((line for line in self._run.tail if line.strip()), f"it ended with {code}" if code else "")
        return OutputError(f'cannot write "{self._path}": ffmpeg says "{said}".') if said else self._lost()

    def _removed(self) -> OutputError | None:
        """What to say if a folder is gone that was there in the beginning."""
        folder = self._path.parent
        for gone in (folder.parent, folder):
            if not gone.is_dir():
                return OutputError(
                    f'the folder "{gone}" was removed in the middle of the work.',
                    hint="Begin anew." if gone == folder else "Create it again, and begin anew.",
                )
        return None

    def _lost(self) -> OutputError:
        return OutputError(f'ffmpeg did not write every frame to "{self._path}", and does not say why.')
