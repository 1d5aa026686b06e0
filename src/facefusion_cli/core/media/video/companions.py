"""What goes with the pictures: sound, subtitles, attached files, and what a file says about itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.attachments import extract_covers, is_font
from facefusion_cli.core.media.video.containers import TEXT_SUBTITLES
from facefusion_cli.core.media.video.tags import is_private, is_stale, read_tags

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction
    from pathlib import Path

    from facefusion_cli.core.media.video.containers import Container
    from facefusion_cli.core.media.video.probe import Video
    from facefusion_cli.core.media.video.sounds import Sound

__all__ = ["Companions", "Heard"]

_AT_ONCE = 0.04
"""Seconds; what is apart less than this is heard together."""
_IN_TIME = "noise=amount=0:drop='lte(pts+d,0)',setts=pts='max(PTS,0)':dts='max(DTS,0)':duration='DURATION+min(PTS,0)'"
"""For subtitles: what was to be read before the beginning goes, what still is begins with it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A track of sound in the result."""

    number: int
    """As users count those of the original."""
    place: str
    """What ``-map`` calls it."""
    copied: bool


@dataclass(slots=True)
class Companions:
    """Arguments for ffmpeg; the original is its input 1, ``sections`` in a file its input 2, other sound its input 3.

    Only tags in ``sections`` get into the result: ffmpeg takes along none by itself.
    """

    container: Container
    original: Video
    keep_private: bool
    maps: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sections: list[dict[str, str]] = field(default_factory=lambda: [{}, {}])
    """Tags of the result as a whole, of its pictures, and of its other streams in their order."""
    heard: list[Heard] = field(default_factory=list)
    _tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of the original's streams, by what ``-map`` calls them."""

    @property
    def metadata(self) -> list[str]:
        """Arguments that bring ``sections`` into the result."""
        words = ["-map_metadata:g", "2:g", "-map_chapters", "1"]
        for stream in range(len(self.sections) - 1):
            words += [f"-map_metadata:s:{stream}", f"2:s:{stream}"]
        if self.container.is_mp4:
            # Names of Apple's and Android's own kind have no other place; plain ones have one that all players know.
            own = any("." in key for key in self.sections[0])
            words += ["-movflags", "+faststart" + ("+use_metadata_tags" if own else "")]
        return words

    def add_sounds(self, sounds: Mapping[str, Sound], begin: Fraction, end: Fraction | None) -> None:
        """Tracks by what ``-map`` calls them, beginning at the second ``begin`` of their clock; ``end`` of ours."""
        tracks = 0
        for number, (place, sound) in enumerate(sounds.items(), 1):
            if sound.start is None or sound.codec in {"none", "unknown"}:
                self.notes.append(f"audio track {number} cannot be read and is left out.")
                continue
            late = not self.container.stamped and sound.start - begin > _AT_ONCE
            self._map(place)
            self.heard.append(Heard(number, place, copied=sound.codec in self.container.audio and not late))
            if self.heard[-1].copied:
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

    def add_subtitles(self) -> None:
        """Those of the original."""
        tracks = 0
        for number, subtitle in enumerate(self.original.subtitles, 1):
            if subtitle.codec in self.container.subtitles:
                codec = "copy"
            elif self.container.text and subtitle.codec in TEXT_SUBTITLES:
                codec = self.container.text
            else:
                self.notes.append(
                    f"subtitle track {number} ({subtitle.codec}) is left out, which {self.container.name} cannot hold."
                )
                continue
            self._map(f"1:{subtitle.index}")
            self.options += [f"-c:s:{tracks}", codec, f"-bsf:s:{tracks}", _IN_TIME]
            tracks += 1

    def read_tags(self) -> None:
        """Those of the original; to be called before any of its streams is added."""
        numbers = [*(one.index for one in self.original.audio), *(one.index for one in self.original.subtitles)]
        streams = [str(number) for number in numbers]
        sections = read_tags(self.original, streams)
        if len(sections) != 2 + len(streams):
            self.notes.append("what the video says about itself cannot be read and is left out.")
            return
        whole, pictures, *others = sections
        self.sections = [self._kept(whole), self._kept(_of_pictures(pictures))]
        self._tags = {f"1:{stream}": tags for stream, tags in zip(streams, others, strict=True)}

    def add_rest(self, folder: Path) -> None:
        """Attached files, cover pictures, data and time code, where the container has a place for them.

        What has to be a file for that becomes one in ``folder``; nothing must be added after it.
        """
        if self.keep_private and self.container.is_mp4 and "mov" in self.original.container:
            self._map("1:d?", *self._sections_of("d"))
        if "matroska" in self.original.container:
            self._add_attachments()
        if self.keep_private:
            self._add_covers(folder)

    def _add_attachments(self) -> None:
        fonts = others = 0
        for number, tags in enumerate(self._sections_of("t")):
            font = is_font(tags)
            if self.container.attaches and (font or self.keep_private):
                self._map(f"1:t:{number}", tags)
            else:
                fonts, others = fonts + font, others + (not font)
        if fonts:
            what = "a font is" if fonts == 1 else f"{fonts} fonts are"
            self.notes.append(f"{what} left out, which {self.container.name} cannot hold.")
        if others:
            self.notes.append(
                "an attached file is left out." if others == 1 else f"{others} attached files are left out."
            )

    def _add_covers(self, folder: Path) -> None:
        sections = self._sections_of("disp:attached_pic")
        if not sections:
            return
        if self.container.is_mp4:
            self._map("1:disp:attached_pic?", *sections)
            return
        covers = extract_covers(self.original, sections, folder) if self.container.attaches else []
        for cover in covers:
            stream = len(self.sections) - 1
            self.sections.append({"mimetype": cover.kind})
            self.options += ["-attach", cover.argument, f"-metadata:s:{stream}", f"filename={cover.name}"]
        lost = len(sections) - len(covers)
        if lost:
            what = "a cover picture is" if lost == 1 else f"{lost} cover pictures are"
            self.notes.append(f"{what} left out, which {self.container.name} cannot hold.")

    def _sections_of(self, streams: str) -> list[dict[str, str]]:
        """Tags of the original's streams of a kind; none: there are none."""
        return read_tags(self.original, [f"{streams}?"])[2:]

    def _map(self, place: str, *sections: Mapping[str, str]) -> None:
        """Add what ``-map`` calls so, with tags for each of its streams, by default the original's that may be kept."""
        self.maps += ["-map", place]
        self.sections += map(dict, sections or [self._kept(self._tags.get(place, {}))])

    def _kept(self, tags: Mapping[str, str]) -> dict[str, str]:
        return {
            key: value
            for key, value in tags.items()
            if not is_stale(key) and (self.keep_private or not is_private(key))
        }


def _of_pictures(tags: Mapping[str, str]) -> dict[str, str]:
    """What of a track's tags is true of new pictures in its place."""
    return {key: value for key, value in tags.items() if key in {"language", "title", "creation_time"}}
