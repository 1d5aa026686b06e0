"""What goes with the pictures: sound, subtitles, attached files, and what a file says about itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.attachments import extract_covers, is_font
from facefusion_cli.core.media.video.containers import LEAST_AVI_RATE, TEXT_SUBTITLES
from facefusion_cli.core.media.video.sound_filters import cut, filled, known, numbers_only
from facefusion_cli.core.media.video.tags import MARK_TAGS, is_private, is_stale, read_tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction
    from pathlib import Path

    from facefusion_cli.core.media.video.containers import Container
    from facefusion_cli.core.media.video.probe import Video
    from facefusion_cli.core.media.video.sounds import Sound

__all__ = ["Companions", "Heard"]

_AT_ONCE = 0.04
"""Seconds; what is apart less than this is heard together."""
_AAC_PRIMING = 1024
"""Samples of silence that ffmpeg's encoder begins with."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A track of sound in the result."""

    name: str
    """As in "audio track 1", which is how users count those of the original."""
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
        for number, (place, sound) in enumerate(sounds.items(), 1):
            name = f"audio track {number}"
            if sound.start is None or sound.codec in {"none", "unknown"}:
                self.notes.append(f"{name} cannot be read and is left out.")
                continue
            late = self._is_late(sound.start - begin)
            copied = self.container.copies(sound) and not late
            self._add_heard(Heard(name, place, copied))
            if copied:
                self._copy()
            else:
                aligned = [] if self.container.stamped else ["aresample=async=1:first_pts=0"]
                self._encode(sound, self.container.encoder, [cut(end), *aligned])
                self._note_encoded(name, sound, late=late)

    def add_soundtrack(self, place: str, sound: Sound, begin: Fraction, end: Fraction, *, copy: bool) -> None:
        """A track instead of the original's, that begins and ends at those seconds of our clock.

        What is copied is cut at packets, and may end early. All else is cut at samples and filled with silence.
        """
        name = "the sound"
        expected = copy and self.container.copies(sound)
        raw = expected and sound.codec.startswith("pcm_")
        late = self._is_late(begin) and not raw
        self._add_heard(Heard(name, place, copied=expected and not late))
        if expected and not late and not raw:
            self._copy()
            return
        encoder = sound.codec if raw else self.container.encoder
        self._encode(sound, encoder, [cut(end), *filled(end, begin)])
        if copy and not raw:
            self._note_encoded(name, sound, late=late)

    def _is_late(self, begin: Fraction) -> bool:
        """Whether a track that begins at that second of our clock does so later than the container can say."""
        return not self.container.stamped and begin > _AT_ONCE

    def _note_encoded(self, name: str, sound: Sound, *, late: bool) -> None:
        container = self.container.name
        encoded = "Opus" if self.container.encoder == "libopus" else "AAC"
        why = f"for {container} cannot say when it begins" if late else f"as players of {container} expect"
        self.notes.append(f"{name} ({sound.codec}) becomes {encoded}, {why}.")

    def _add_heard(self, heard: Heard) -> None:
        self._map(heard.place)
        self.heard.append(heard)

    def _copy(self) -> None:
        """Copy the track that was added last."""
        track = len(self.heard) - 1
        if self.container.is_mp4:
            # Some more are kept, from which decoders begin; an edit list says that they are not heard.
            before = "lt(pts+3*d,0)"
        else:
            before = "lt(pts+d,0)" if self.container.stamped else "lt(2*pts+d,0)"
        self.options += [f"-c:a:{track}", "copy", f"-bsf:a:{track}", f"noise=amount=0:drop='{before}'"]

    def _encode(self, sound: Sound, encoder: str, filters: Sequence[str]) -> None:
        """Encode the track that was added last, through filters and some that make it fit."""
        track = len(self.heard) - 1
        fitting = [*numbers_only(sound), *filters]
        lossy = encoder == self.container.encoder
        if lossy:
            named, channels = known(sound)
            fitting += named
            self.options += [f"-b:a:{track}", f"{min(96 * max(1, channels), 510)}k"]
        if encoder == "libopus":
            fitting.append("aformat=channel_layouts=mono|stereo|5.1|7.1")
        if encoder == "aac" and not self.container.stamped:
            if sound.rate < LEAST_AVI_RATE:
                fitting.append("aresample=48000")
            # Nothing tells players to leave out what the encoder begins with: it takes the place of as much sound.
            fitting.append(f"atrim=start_sample={_AAC_PRIMING}")
        self.options += [f"-c:a:{track}", encoder, f"-filter:a:{track}", ",".join(fitting)]

    def add_subtitles(self, end: Fraction | None) -> None:
        """Those of the original, up to the second ``end`` of the result's clock."""
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
            self.options += [f"-c:s:{tracks}", codec, f"-bsf:s:{tracks}", _in_time(end)]
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

    def mark(self, tags: Mapping[str, str]) -> None:
        """Let the result say in tags how it was made; to be called after ``read_tags``."""
        kept = {key: value for key, value in self.sections[0].items() if key.upper() not in MARK_TAGS}
        self.sections[0] = {**kept, **tags} if self.container.is_matroska else kept

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


def _in_time(end: Fraction | None) -> str:
    """For subtitles: what was to be read before the beginning goes, what still is begins with it; the end ends them."""
    duration = "DURATION+min(PTS,0)"
    if end is not None:
        duration = f"min({duration},{float(end):.6f}/TB-max(PTS,0))"
    return f"noise=amount=0:drop='lte(pts+d,0)',setts=pts='max(PTS,0)':dts='max(DTS,0)':duration='{duration}'"


def _of_pictures(tags: Mapping[str, str]) -> dict[str, str]:
    """What of a track's tags is true of new pictures in its place."""
    return {key: value for key, value in tags.items() if key in {"language", "title", "creation_time"}}
