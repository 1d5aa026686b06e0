"""From what the user named to files: folders walked, patterns matched, each file once."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from facefusion_cli.core.media.formats import is_sound_suffix, suffix_kind
from facefusion_cli.core.media.hidden import PREFIX
from facefusion_cli.core.media.kinds import kind_of
from facefusion_cli.core.media.naming import Target, is_folder
from facefusion_cli.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["HEARD", "SEEN", "SEEN_BESIDE_SOUNDS", "Fault", "Sort", "Targets", "find_targets"]


class Fault(NamedTuple):
    """Something that was named, or a folder below it, and what is wrong with it."""

    name: str
    error: InputError
    sound: bool = False
    """Whether it was to be a sound."""


class Sort(NamedTuple):
    """Which files in folders are taken."""

    words: str
    takes: Callable[[Path], bool]
    passes: Callable[[Path], bool] = lambda _path: False
    """Which of the others nothing is said about."""


SEEN = Sort("picture or video", lambda path: suffix_kind(path) is not None)
"""What can be seen, where all else is out of place."""
SEEN_BESIDE_SOUNDS = SEEN._replace(passes=is_sound_suffix)
HEARD = Sort("sound or video", lambda path: is_sound_suffix(path) or suffix_kind(path) == "video", SEEN.takes)


@dataclass(frozen=True, slots=True)
class Targets:
    """What was found."""

    files: tuple[Target, ...]
    """In the order in which they were named, those of a folder sorted; each file once."""
    left_alone: tuple[Path, ...]
    """Files found in folders that are none to take, by their suffix."""
    faults: tuple[Fault, ...]
    """What was named and brought nothing: folders that hold nothing or cannot be read, patterns that match nothing."""

    @property
    def ignored(self) -> int:
        """How many are left alone."""
        return len(self.left_alone)


def find_targets(
    given: Sequence[str | os.PathLike[str]],
    out: str | None = None,
    *,
    is_result: Callable[[Path], bool] = lambda _path: False,
    sort: Sort = SEEN,
) -> Targets:
    """Find the files that ``given`` names: files, folders, and patterns (``*``, ``?``, ``[]``, ``**``).

    A file that is named is a target whatever it is. Folders are walked to the bottom. Of what is found in them or by a
    pattern, files whose suffix ``sort`` takes are taken; never hidden ones, nor our own temporary files, nor
    what lies in the folder ``out`` if that is inside the folder, nor what ``is_result`` knows as the result of an
    earlier run. Links to folders are followed where they lead elsewhere, once. What exists by the very name of a
    pattern is meant itself. Below ``out`` a folder keeps its own name if it is not the only one of ``given``.

    Nothing is read but the first bytes of each file.

    Raises:
        UsageError: a pattern that is none, or an empty name.
    """
    search = _Search(Path(out) if out and is_folder(out, many=True) else None, is_result, sort)
    files: list[Target] = []
    for name in given:
        files += search.find(os.fspath(name), keep_name=len(given) > 1)
    return Targets(tuple(files), tuple(search.left_alone), tuple(search.faults))


class _Search:
    def __init__(self, out: Path | None, is_result: Callable[[Path], bool], sort: Sort) -> None:
        self.left_alone: list[Path] = []
        self.faults: list[Fault] = []
        self._out = None if out is None else os.path.realpath(out)
        self._is_result = is_result
        self._sort = sort
        self._seen: set[str] = set()

    def find(self, name: str, *, keep_name: bool) -> Iterator[Target]:
        if not name:  # for which a path would stand for the current folder
            raise UsageError("the name of a file is empty.", hint="A variable in the command may be empty.")
        ignored, faults, taken = len(self.left_alone), len(self.faults), len(self._seen)
        path = Path(name)
        if os.path.isdir(name):  # noqa: PTH112  (Path.is_dir may raise)
            below = Path(os.path.basename(os.path.abspath(name))) if keep_name else Path()  # noqa: PTH100, PTH119
            yield from self._walk(path, below)
            what = f'"{name}" holds no {self._sort.words}'
        elif glob.has_magic(name) and not os.path.lexists(name):
            yield from self._match(name)
            what = f'nothing matches "{name}"'
        elif self._is_new(path):
            yield Target.named(path)
            return
        else:
            return
        if len(self._seen) == taken and len(self.faults) == faults:
            others = len(self.left_alone) - ignored
            what += f", only {others} other file{'s' if others > 1 else ''}" if others else ""
            self.faults.append(Fault(name, InputError(f"{what}.", hint="Check the name.")))

    def _walk(self, top: Path, below: Path) -> Iterator[Target]:
        """What is in ``top``; ``below`` is where ``top`` is to be below the output."""
        roots = [os.path.realpath(top)]

        def wanted(folder: str, name: str) -> bool:
            if name.startswith("."):
                return False
            path = os.path.join(folder, name)  # noqa: PTH118
            real = os.path.realpath(path)
            if real == self._out:
                return False
            if os.path.islink(path):  # noqa: PTH114
                if any(_is_inside(real, root) or _is_inside(root, real) for root in roots):
                    return False
                roots.append(real)
            return True

        for folder, folders, names in os.walk(top, followlinks=True, onerror=self._unreadable):
            folders[:] = [name for name in sorted(folders) if wanted(folder, name)]
            for name in sorted(name for name in names if not name.startswith(".")):
                yield from self._take(Path(folder, name), below / Path(folder).relative_to(top))

    def _match(self, pattern: str) -> Iterator[Target]:
        fixed, rest = _split(Path(pattern))
        hidden = [part for part in rest.parts if part.startswith(".")]
        try:
            matches = sorted(fixed.glob(rest.as_posix()))
        except (ValueError, NotImplementedError, IndexError) as error:
            raise UsageError(f'"{pattern}" is no pattern.', hint='"**" must stand between separators.') from error
        inside = _is_inside(os.path.realpath(fixed), self._out)
        for match in matches:
            parts = match.relative_to(fixed).parts
            if any(part.startswith(".") and not any(fnmatchcase(part, one) for one in hidden) for part in parts):
                continue
            if not inside and _is_inside(os.path.realpath(match.parent), self._out):
                continue
            below = Path(*parts[:-1])
            if match.is_dir():
                if inside or not _is_inside(os.path.realpath(match), self._out):
                    yield from self._walk(match, below / match.name)
            else:
                yield from self._take(match, below)

    def _take(self, path: Path, below: Path) -> Iterator[Target]:
        """The file at ``path``, found and not named, if it is one to work on."""
        if path.name.startswith(PREFIX):
            return
        if not self._sort.takes(path) or not path.is_file():
            if not self._sort.passes(path):
                self.left_alone.append(path)
        elif not self._is_result(path) and self._is_new(path):
            yield Target(path, kind_of(path), below)

    def _is_new(self, path: Path) -> bool:
        absolute = os.path.abspath(path)  # noqa: PTH100  (Path.absolute keeps "..")
        new = absolute not in self._seen
        self._seen.add(absolute)
        return new

    def _unreadable(self, error: OSError) -> None:
        reason = (error.strerror or str(error)).lower()
        words = f'the folder "{error.filename}" cannot be read: {reason}.'
        self.faults.append(Fault(str(error.filename), InputError(words)))


def _is_inside(path: str, folder: str | None) -> bool:
    """Whether ``path`` is ``folder`` or in it; both are real paths."""
    return folder is not None and (path == folder or path.startswith(os.path.join(folder, "")))  # noqa: PTH118


def _split(pattern: Path) -> tuple[Path, Path]:
    """The part of a pattern before the first wildcard, and the rest; a folder that exists by such a name has none."""
    parts = pattern.parts
    fixed = Path()
    for number, part in enumerate(parts):
        step = fixed / part
        if glob.has_magic(part) and not os.path.lexists(step):
            return fixed, Path(*parts[number:])
        fixed = step
    return fixed, Path()
