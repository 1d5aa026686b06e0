"""Sound that is heard instead of a video's own, and the stretch of a file that is heard with the pictures."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from facefusion_cli.core.media.audio.probe import probe_sound
from facefusion_cli.core.media.video.ffmpeg import input_arguments
from facefusion_cli.core.media.video.sounds import SEEK_SECONDS, read_sounds, seek_arguments, sound_arguments
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from facefusion_cli.core.media.video.probe import Video
    from facefusion_cli.core.media.video.sounds import Sound

__all__ = ["Soundtrack", "Stretch", "original_stretch"]


@dataclass(frozen=True, slots=True)
class Soundtrack:
    """The first audio track of a file of sound, or of a video.

    Second 0 is the file's, as ``SoundFile.zero`` has it, and as it is for whoever listens to the same file.
    """

    path: Path
    start: Fraction = Fraction(0)
    """From which second on it is heard; not negative."""
    interim: bool = False
    """Whether it was made on the way and loses nothing, so that it is encoded as players expect, not copied."""

    def read(self) -> Sound:
        """How it begins.

        Raises:
            InputError: there is nothing of it, or ffmpeg was stopped while it read.
        """
        (found,) = read_sounds(self.path, sound_arguments(self.path), ["a:0"])
        if found.start is None:
            raise InputError(f'there is no sound in "{self.path}" that can be read.')
        return found

    def check(self) -> None:
        """See whether there is anything to be heard.

        Raises:
            InputError: the file cannot be read, or has no sound.
        """
        probe_sound(self.path)
        self.read()

    def stretch(self, length: Fraction) -> Stretch:
        """So many seconds of it.

        Raises:
            InputError: the file cannot be read, or has no sound.
        """
        begin = self.start + probe_sound(self.path).zero
        # Closer to the beginning there is nothing to leave out.
        seek = seek_arguments(begin) if self.start > SEEK_SECONDS else []
        return Stretch(self.path, [*seek, *sound_arguments(self.path)], begin, begin + length)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Of a file, on its own clock."""

    path: Path
    source: Sequence[str]
    """What names the file to ffmpeg, and seeks."""
    begin: Fraction
    """Seconds; what is shown or heard then comes with the first frame of a result."""
    end: Fraction | None
    """None: the file's."""

    @property
    def arguments(self) -> list[str]:
        """An input for ffmpeg on the clock of the result, with ``-copyts``."""
        return ["-itsoffset", f"{float(-self.begin):.6f}", *self.source]


def original_stretch(original: Video, start: Fraction, length: Fraction | None) -> Stretch:
    """Of a video from that many seconds after its first frame on (negative: before it); ``length`` None: to its end."""
    begin = original.start + start
    seek = seek_arguments(begin) if start > 0 else []
    end = None if length is None else begin + length
    return Stretch(original.path, [*seek, *input_arguments(original.path)], begin, end)
