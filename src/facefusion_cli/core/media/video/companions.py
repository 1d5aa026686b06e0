"""What goes with the pictures: sound, subtitles, and what a file says about itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.containers import TEXT_SUBTITLES
from facefusion_cli.core.media.video.ffmpeg import FORMATS, file_argument, input_arguments
from facefusion_cli.core.media.video.process import FfmpegRun
from facefusion_cli.core.media.video.tags import is_private, is_stale, parse_tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from facefusion_cli.core.media.video.containers import Container
    from facefusion_cli.core.media.video.probe import Video

__all__ = ["Companions", "Sound", "read_sounds", "read_tags", "sound_arguments"]

_SOUND_FORMATS = (*FORMATS, "wav", "w64", "mp3", "flac", "aac", "aiff", "caf", "ac3", "eac3", "amr")
_LONGEST_TAG = 60_000
"""Bytes; a single argument of a command must stay below 128 KiB."""
_AT_ONCE = 0.04
"""Seconds; what is apart less than this is heard together."""
_IN_TIME = "noise=amount=0:drop='lte(pts+d,0)',setts=pts='max(PTS,0)':dts='max(DTS,0)':duration='DURATION+min(PTS,0)'"
"""For subtitles: what was to be read before the beginning goes, what still is begins with it."""


@dataclass(frozen=True, slots=True)
class Sound:
    """How a track of sound begins."""

    codec: str
    start: Fraction | None
    """Seconds on the file's clock; None: there is not one packet."""
    channels: int


@dataclass(slots=True)
class Companions:
    """Arguments for ffmpeg; the original is its input 1, another file of sound its input 2."""

    container: Container
    maps: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add_sounds(self, sounds: Mapping[str, Sound], begin: Fraction, end: Fraction | None) -> None:
        """Tracks by what ``-map`` calls them, beginning at the second ``begin`` of their clock; ``end`` of ours."""
        tracks = 0
        for number, (place, sound) in enumerate(sounds.items(), 1):
            if sound.start is None or sound.codec in {"none", "unknown"}:
                self.notes.append(f"audio track {number} cannot be read and is left out.")
                continue
            late = not self.container.stamped and sound.start - begin > _AT_ONCE
            self.maps += ["-map", place]
            if sound.codec in self.container.audio and not late:
                drop = f"noise=amount=0:drop='{self._before()}'"
                self.options += [f"-c:a:{tracks}", "copy", f"-bsf:a:{tracks}", drop]
            else:
                self._encode(tracks, sound, end)
                name = self.container.name
                why = f"for {name} cannot say when it begins" if late else f"as players of {name} expect"
                self.notes.append(f"audio track {number} ({sound.codec}) becomes {self._encoded}, {why}.")
            tracks += 1

    @property
    def _encoded(self) -> str:
        return "Opus" if self.container.encoder == "libopus" else "AAC"

    def _before(self) -> str:
        """Which packets lie before the beginning, for ffmpeg's filter "noise"."""
        if self.container.is_mp4:
            # Some more are kept, from which decoders begin; an edit list says that they are not heard.
            return "lt(pts+3*d,0)"
        return "lt(pts+d,0)" if self.container.stamped else "lt(2*pts+d,0)"

    def _encode(self, track: int, sound: Sound, end: Fraction | None) -> None:
        encoder = self.container.encoder
        filters = ["atrim=start=0" + (f":end={float(end):.6f}" if end is not None else "")]
        if not self.container.stamped:
            filters.append("aresample=async=1:first_pts=0")
        if encoder == "libopus":
            filters.append("aformat=channel_layouts=mono|stereo|5.1|7.1")
        self.options += [f"-c:a:{track}", encoder, f"-filter:a:{track}", ",".join(filters)]
        self.options += [f"-b:a:{track}", f"{min(96 * max(1, sound.channels), 510)}k"]

    def add_subtitles(self, video: Video) -> None:
        """Those of the original."""
        tracks = 0
        for number, subtitle in enumerate(video.subtitles, 1):
            if subtitle.codec in self.container.subtitles:
                codec = "copy"
            elif self.container.text and subtitle.codec in TEXT_SUBTITLES:
                codec = self.container.text
            else:
                self.notes.append(
                    f"subtitle track {number} ({subtitle.codec}) is left out, which {self.container.name} cannot hold."
                )
                continue
            self.maps += ["-map", f"1:{subtitle.index}"]
            self.options += [f"-c:s:{tracks}", codec, f"-bsf:s:{tracks}", _IN_TIME]
            tracks += 1

    def add_tags(self, sections: Sequence[Mapping[str, str]], *, keep_private: bool) -> None:
        """Of the whole file and of its pictures, as ``read_tags`` gives them; other streams bring their own."""
        if not sections:
            self.notes.append("what the video says about itself cannot be read and is left out.")
            self.options += ["-map_metadata", "-1"]
            return
        whole, pictures, *others = sections

        def kept(key: str) -> bool:
            return not is_stale(key) and (keep_private or not is_private(key))

        self.options += ["-map_metadata:g", "-1", "-map_chapters", "1"]
        for tag, section in (("-metadata", whole), ("-metadata:s:v:0", _of_pictures(pictures))):
            for key, value in section.items():
                if "=" not in key and kept(key):
                    if len(value.encode()) > _LONGEST_TAG:
                        self.notes.append(f'the tag "{key}" is left out, being too long.')
                    else:
                        self.options += [tag, f"{key}={value}"]
        # Tags of other streams are copied along with them; named with nothing they go.
        gone = {key for section in others for key in section if "=" not in key and not kept(key)}
        for key in sorted(gone):
            for kind in "as":
                self.options += [f"-metadata:s:{kind}", f"{key}="]
        if self.container.is_mp4:
            # Names of Apple's and Android's own kind have no other place; plain ones have one that all players know.
            own = any("." in key and kept(key) for key in whole)
            self.options += ["-movflags", "+faststart" + ("+use_metadata_tags" if own else "")]

    def add_rest(self, original: Video) -> None:
        """Cover pictures, data and time code, where the container has such tracks."""
        if self.container.is_mp4:
            self.maps += ["-map", "1:disp:attached_pic?"]
            if "mov" in original.container:
                self.maps += ["-map", "1:d?"]


def sound_arguments(path: Path) -> list[str]:
    """As ``input_arguments``, for a file of sound."""
    return [
        *("-protocol_whitelist", "file"),
        *("-format_whitelist", ",".join(_SOUND_FORMATS)),
        *("-i", file_argument(path)),
    ]


def read_sounds(arguments: Sequence[str], streams: Sequence[str]) -> list[Sound]:
    """How each of these tracks (as ``-map 0:...`` takes them) of an input begins. Reads no further than to there."""
    if not streams:
        return []
    maps = [word for stream in streams for word in ("-map", f"0:{stream}")]
    codecs, channels = ["unknown"] * len(streams), [2] * len(streams)
    ticks: dict[int, Fraction] = {}
    starts: dict[int, Fraction] = {}
    command = ["-loglevel", "error", "-copyts", *arguments, *maps, "-c", "copy", "-frames:a", "1"]
    with FfmpegRun([*command, "-f", "framecrc", "pipe:1"], read=True) as run:
        for line in run.stdout:
            words = line.decode("utf-8", "replace").split()
            match words:
                case ["#tb", number, tick]:
                    ticks[int(number.rstrip(":"))] = Fraction(tick)
                case ["#codec_id", number, codec]:
                    codecs[int(number.rstrip(":"))] = codec
                case ["#channel_layout_name", number, *layout]:
                    channels[int(number.rstrip(":"))] = _channels(" ".join(layout))
                case [number, _, stamp, *_] if not number.startswith("#"):
                    index = int(number.rstrip(","))
                    starts.setdefault(index, int(stamp.rstrip(",")) * ticks[index])
        run.finish()
    return [Sound(codecs[index], starts.get(index), channels[index]) for index in range(len(streams))]


def read_tags(original: Video, streams: Sequence[int]) -> list[dict[str, str]]:
    """Tags of the whole file, of its pictures, and of the streams of these numbers; [] if ffmpeg cannot tell."""
    maps = [word for stream in (original.stream, *streams) for word in ("-map", f"0:{stream}")]
    command = ["-loglevel", "error", *input_arguments(original.path), *maps, "-c", "copy", "-t", "0"]
    command += ["-map_metadata:g", "0:g"]  # asked for, the time of creation is among them
    with FfmpegRun([*command, "-f", "ffmetadata", "pipe:1"], read=True) as run:
        text = run.stdout.read().decode("utf-8", "replace")
        failed = run.finish() != 0
    sections = [] if failed else parse_tags(text)
    return sections if len(sections) == 2 + len(streams) else []


def _channels(layout: str) -> int:
    """As many as a layout has: "stereo", "5.1(side)"."""
    name = layout.partition("(")[0]
    known = {"mono": 1, "stereo": 2, "quad": 4, "hexagonal": 6, "octagonal": 8}
    numbers = [int(number) for number in re.findall(r"\d+", name)]
    return known.get(name) or (sum(numbers) if "." in name else max(numbers, default=2))


def _of_pictures(tags: Mapping[str, str]) -> dict[str, str]:
    """What of a track's tags is true of new pictures in its place."""
    return {key: value for key, value in tags.items() if key in {"language", "title", "creation_time"}}
