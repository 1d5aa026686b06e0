"""Which video speaks which sound."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from facefusion_cli.core.batch.targets import HEARD, SEEN_BESIDE_SOUNDS, Fault, Targets, find_targets
from facefusion_cli.core.media.formats import is_sound_suffix
from facefusion_cli.core.media.kinds import is_sound
from facefusion_cli.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from facefusion_cli.core.media.naming import Target

__all__ = ["find_pairs", "pair", "sort_words"]

_Key = tuple[Path, str]
"""Where a file lies below what was named, and its stem."""


def sort_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """What of the words of a command line names videos, and what sounds.

    Of two the first is the video. Of more, those are sounds that name a sound file; if there is none, the last.

    Raises:
        UsageError: there is nothing for one of the two.
    """
    if len(words) < 2:
        raise UsageError("a video and a sound are needed.", hint="Name the video first, then what it is to speak.")
    if len(words) == 2:
        video, sound = words
        if is_sound(Path(video)):
            swapped = not is_sound(Path(sound))
            hint = "The video comes first, then the sound." if swapped else ""
            raise UsageError(f'"{video}" is a sound, and nobody can be seen in it.', hint=hint)
        return [video], [sound]
    sounds = [word for word in words if is_sound(Path(word))] or [words[-1]]
    videos = [word for word in words if word not in sounds]
    if not videos:
        raise UsageError(f"none of these {len(words)} files is a video.")
    return videos, sounds


def find_pairs(
    videos: Sequence[str],
    sounds: Sequence[str],
    out: str | None = None,
    *,
    is_result: Callable[[Path], bool] = lambda _path: False,
) -> Targets:
    """Find the files that are named (see ``find_targets``) and pair them (see ``pair``).

    Raises:
        UsageError: a pattern that is none.
    """
    return pair(
        find_targets(videos, out, is_result=is_result, sort=SEEN_BESIDE_SOUNDS),
        find_targets(sounds, out, is_result=is_result, sort=HEARD),
    )


def pair(videos: Targets, sounds: Targets) -> Targets:
    """Give each video its sound.

    One sound that was named goes with every video, one video that was named with every sound: its results are named
    after both. Else a video goes with the sound that has its stem and lies in the same place below what was named; a
    sound file comes before a video whose sound could be taken, and no video goes with itself. Who finds no partner, or
    several, is a fault. Pictures are videos here, of one frame.
    """
    faults = [*videos.faults, *(fault._replace(sound=True) for fault in sounds.faults)]
    films = [replace(video, kind="video") for video in videos.files]
    paired: list[Target] = []
    if (sound := _lone(sounds)) is not None:
        paired = [replace(film, sound=sound.path) for film in films]
    elif _lone(videos) is not None:
        paired = _speaking_all(films[0], sounds.files)
    elif films and sounds.files:  # else there is a fault already that says why
        paired, odd = _by_stem(films, sounds.files)
        faults += odd
    return Targets(tuple(paired), videos.left_alone + sounds.left_alone, tuple(faults))


def _lone(found: Targets) -> Target | None:
    """The only file, if it was named."""
    alone = len(found.files) == 1 and not found.faults and found.files[0].folder is None
    return found.files[0] if alone else None


def _speaking_all(film: Target, sounds: Sequence[Target]) -> list[Target]:
    stems = Counter(map(_key, sounds))

    def result(sound: Target) -> Target:
        name = sound.path.stem if stems[_key(sound)] == 1 else sound.path.name
        return replace(film, folder=sound.folder, sound=sound.path, stem=f"{film.path.stem}_{name}")

    return [result(sound) for sound in sounds]


def _by_stem(films: Sequence[Target], sounds: Sequence[Target]) -> tuple[list[Target], list[Fault]]:
    spoken: defaultdict[_Key, list[Path]] = defaultdict(list)
    seen = {film.path for film in films}
    # A sound file before a video: sorting keeps their order otherwise.
    for sound in sorted(sounds, key=lambda sound: not is_sound_suffix(sound.path)):
        known = spoken[_key(sound)]
        if sound.path in seen or (known and is_sound_suffix(known[0]) and not is_sound_suffix(sound.path)):
            continue
        known.append(sound.path)
    paired: list[Target] = []
    faults: list[Fault] = []
    for film in films:
        match spoken.get(_key(film), []):
            case [only]:
                paired.append(replace(film, sound=only))
            case []:
                hint = f'One named "{_wanted(film)}" was looked for, with the suffix of a sound.'
                faults.append(Fault(str(film.path), InputError(f'there is no sound for "{film.path}".', hint=hint)))
            case several:
                names = [f'"{sound}"' for sound in several]
                error = InputError(
                    f'there are several sounds for "{film.path}": {" and ".join(names)}.',
                    hint=f"There can be one: remove or rename {' and '.join(names[1:])}, for example.",
                )
                faults.append(Fault(str(film.path), error))
    wanted = set(map(_key, films))
    for sound in sounds:
        if sound.path not in seen and _key(sound) not in wanted:
            hint = f'One named "{_wanted(sound)}" was looked for, with the suffix of a video or picture.'
            error = InputError(f'there is no video for "{sound.path}".', hint=hint)
            faults.append(Fault(str(sound.path), error, sound=True))
    return paired, faults


def _key(file: Target) -> _Key:
    return file.folder or Path(), file.path.stem


def _wanted(file: Target) -> str:
    """The name that a partner would have."""
    return (file.folder or Path()).joinpath(file.path.stem).as_posix()
