"""What each container holds: which codecs its players expect, and what becomes of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.media.video.sounds import Sound

__all__ = ["LEAST_AVI_RATE", "TEXT_SUBTITLES", "Container", "check_container", "container_of"]

TEXT_SUBTITLES = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"})
"""Codecs that can be turned into each other."""
_BITMAPS = frozenset({"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"})
_PCM = frozenset(f"pcm_{kind}" for kind in ("s16le", "s16be", "s24le", "s24be", "s32le", "s32be", "f32le", "f64le"))
_LEAST_MP3_RATE = 16000
"""Samples a second of what MP4's own standard knows of MP3."""
LEAST_AVI_RATE = 32000
"""Samples a second of AAC in AVI, whose players count a packet of more than 768 bytes for a channel as two: encoders
make such of slower sound, and it would fall behind."""
_MP4_AUDIO = frozenset({"aac", "mp3", "ac3", "opus"})
_APPLE_AUDIO = frozenset({"aac", "mp3", "ac3", "eac3", "alac"})


@dataclass(frozen=True, slots=True)
class Container:
    """A format of files."""

    name: str
    """For people."""
    muxer: str
    """ffmpeg's name."""
    video: frozenset[str]
    audio: frozenset[str]
    """Codecs that are copied; all else becomes ``encoder``."""
    encoder: str
    subtitles: frozenset[str]
    """Codecs that are copied."""
    text: str
    """Encoder for other subtitles that are text; "": there are none."""
    stamped: bool = True
    """Whether it says when each frame is shown, and when a track begins."""

    def copies(self, sound: Sound) -> bool:
        """Whether players of it expect sound as it is."""
        least = {("mp4", "mp3"): _LEAST_MP3_RATE, ("avi", "aac"): LEAST_AVI_RATE}
        return sound.codec in self.audio and sound.rate >= least.get((self.muxer, sound.codec), 0)

    @property
    def is_mp4(self) -> bool:
        """Whether it is of the family that QuickTime began."""
        return self.muxer in {"mp4", "mov"}

    @property
    def is_matroska(self) -> bool:
        """Whether it is of the family that WebM belongs to."""
        return self.muxer in {"matroska", "webm"}

    @property
    def attaches(self) -> bool:
        """Whether it can hold whole files, as fonts for its subtitles."""
        return self.muxer == "matroska"


_MP4 = Container(
    "MP4", "mp4", frozenset({"h264", "hevc", "av1", "vp9"}), _MP4_AUDIO, "aac", frozenset({"mov_text"}), "mov_text"
)
_CONTAINERS = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mov": Container(
        "QuickTime",
        "mov",
        frozenset({"h264", "hevc", "prores"}),
        _APPLE_AUDIO | _PCM | {"pcm_u8", "pcm_s8", "pcm_alaw", "pcm_mulaw"},
        "aac",
        frozenset({"mov_text"}),
        "mov_text",
    ),
    ".mkv": Container(
        "Matroska",
        "matroska",
        frozenset({"h264", "hevc", "av1", "vp9", "prores"}),
        _MP4_AUDIO
        | _APPLE_AUDIO
        | _PCM
        | {"mp2", "vorbis", "flac", "dts", "truehd", "mlp", "wavpack", "tta", "pcm_u8"},
        "aac",
        TEXT_SUBTITLES - {"mov_text", "text"} | _BITMAPS,
        "srt",
    ),
    ".webm": Container(
        "WebM",
        "webm",
        frozenset({"vp9", "av1"}),
        frozenset({"opus", "vorbis"}),
        "libopus",
        frozenset({"webvtt"}),
        "webvtt",
    ),
    ".avi": Container(
        "AVI",
        "avi",
        frozenset({"h264"}),
        frozenset({"mp3", "mp2", "ac3", "aac", "pcm_u8", "pcm_s16le", "pcm_s24le"}),
        "aac",
        frozenset(),
        "",
        stamped=False,
    ),
}


def container_of(path: Path) -> Container:
    """The container that the suffix of ``path`` names.

    Raises:
        UsageError: it names none that can be written.
    """
    container = _CONTAINERS.get(path.suffix.lower())
    if container is None:
        raise UsageError(
            f'"{path.name}" does not name a kind of video that can be written.',
            hint=f"Let its name end with one of {', '.join(_CONTAINERS)}.",
        )
    return container


def check_container(path: Path, codec: str) -> None:
    """Raise UsageError unless the suffix of ``path`` names a container that can be written and takes the codec.

    ``codec`` as in ``EncodeOptions``; a hardware encoder ("h264_nvenc") is one of its codec, "auto" is taken by all.
    """
    container = container_of(path)
    kind = codec.partition("_")[0]
    if codec != "auto" and kind not in container.video:
        fitting = [suffix for suffix, other in _CONTAINERS.items() if kind in other.video]
        raise UsageError(
            f'the container {container.name} of "{path.name}" does not take the codec "{codec}".',
            hint=f"It takes {', '.join(sorted(container.video))}; {codec} fits into {', '.join(fitting)}."
            if fitting
            else f"It takes {', '.join(sorted(container.video))}.",
        )
