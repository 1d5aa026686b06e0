"""From what the user typed after ``-o`` to one path for each target."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facefusion_cli.core.media.formats import default_suffix, suffix_kind
from facefusion_cli.core.media.kinds import kind_of
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefusion_cli.core.media.formats import Kind

__all__ = ["Target", "are_many", "default_path", "is_folder", "name_outputs", "numbered", "output_root"]

_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_BY_FOLDER = ' such as "{parent}/{name}"'
_BY_STEM = ' such as "{stem}_new{suffix}"'
_BY_SOUND = ' such as "{stem}_{audio}{suffix}"'
_LONGEST_NAME = 255
"""Bytes a file name may have on all common file systems."""


@dataclass(frozen=True, slots=True)
class Target:
    """A file that is to be worked on."""

    path: Path
    kind: Kind
    folder: Path | None = None
    """Where it lies below the folder or the fixed part of the pattern that it was found by; None if it was named."""
    sound: Path | None = None
    """What it is made to speak; None where nobody speaks."""
    stem: str | None = None
    """The stem to name the result by, where it is not the file's own: of a file that was named and has several results,
    one for each sound; ``folder`` is the sound's then."""

    @property
    def was_found(self) -> bool:
        """Whether the file was found and not named: it may be the result of an earlier run then."""
        return self.folder is not None and self.stem is None

    @classmethod
    def named(cls, path: Path) -> Target:
        """A file that the user named."""
        return cls(path, kind_of(path))


def are_many(targets: Sequence[Target]) -> bool:
    """Whether their results go into a folder by themselves: several, or found in one."""
    return len(targets) > 1 or any(target.folder is not None for target in targets)


def name_outputs(targets: Sequence[Target], out: str) -> list[Path]:
    """One path for each of ``targets``: inside the folder ``out``, by the template ``out``, or ``out`` itself.

    Of targets found in folders that would get the same name, the one whose format stays keeps it, and the others keep
    their suffix as part of the name: beside "a.jpg", "a.heic" becomes "a.heic.jpg".

    Raises:
        UsageError: an unknown placeholder, one file for several targets, or two targets that get the same name.
    """
    if not out:
        raise UsageError("the name of the output is empty.")
    many = are_many(targets)
    if not is_folder(out, many=many) and not _PLACEHOLDER.search(out):
        if many:
            what = f"{len(targets)} targets" if len(targets) > 1 else "the results of a folder"
            raise UsageError(
                f'{what} cannot all be written to "{out}".',
                hint=f"Give a folder, or a template{_BY_SOUND if targets[0].stem else _BY_STEM}.",
            )
        return [Path(out)]
    paths = [_name(target, out, many=many) for target in targets]
    for rivals in _collisions(paths):
        keeping = [index for index in rivals if paths[index].suffix == targets[index].path.suffix]
        for index in rivals:
            if targets[index].was_found and keeping != [index]:
                paths[index] = _name(targets[index], out, many=many, stem=targets[index].path.name)
    for first, *_ in _collisions(paths):
        raise UsageError(
            f'more than one target would be written to "{paths[first]}".',
            hint=f"Give them different names,{_remedy(targets[first])} or write them in separate runs.",
        )
    return paths


def default_path(target: Target, label: str = "swapped") -> Path:
    """Where a result goes when no name was given: ``{stem}_{label}{suffix}`` beside ``target``."""
    path = target.path
    return path.with_name(_fit(path.stem, f"_{label}" + default_suffix(path, target.kind)))


def numbered(path: Path, number: int) -> Path:
    """``path`` for 1, ``{stem}_2{suffix}`` for 2 and so on."""
    return path if number == 1 else path.with_name(_fit(path.stem, f"_{number}{path.suffix}"))


def is_folder(out: str, *, many: bool) -> bool:
    """Whether ``out`` means a folder: one that exists or ends in a separator, for many also a name without a format."""
    separators = tuple(filter(None, ("/", os.sep, os.altsep)))
    # Unlike Path.is_dir this calls too long a name no folder, and lets the check of the output complain.
    if out.endswith(separators) or os.path.isdir(out):  # noqa: PTH112
        return True
    return many and bool(out) and not _PLACEHOLDER.search(out) and suffix_kind(Path(out)) is None


def output_root(out: str, *, many: bool) -> Path:
    """The folder that holds all results: ``out`` itself, or of a template the part before its first placeholder."""
    if is_folder(out, many=many):
        return Path(out)
    placeholder = _PLACEHOLDER.search(out)
    return Path(out[: placeholder.start()] + "x" if placeholder else out).parent


def _name(target: Target, out: str, *, many: bool, stem: str | None = None) -> Path:
    stem = target.path.stem if stem is None else stem
    full = target.stem or stem
    suffix = default_suffix(target.path, target.kind)
    if is_folder(out, many=many):
        return Path(out, target.folder or "", _fit(full, suffix))
    values = {"stem": stem, "suffix": suffix, "name": full + suffix, "parent": (target.folder or Path()).as_posix()}
    if target.sound is not None:
        values["audio"] = target.sound.stem
    return Path(_fill(out, values))


def _remedy(target: Target) -> str:
    """How templates tell results apart."""
    if target.stem is not None:
        return f"{_BY_FOLDER if target.folder not in {None, Path()} else _BY_SOUND},"
    return f"{_BY_FOLDER}," if target.folder is not None else ""


def _fill(template: str, values: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise UsageError(
                f'the output "{template}" has an unknown placeholder {match[0]}.',
                hint=f"Known ones: {', '.join(f'{{{name}}}' for name in values)}.",
            )
        return values[match[1]]

    return _PLACEHOLDER.sub(value, template)


def _fit(stem: str, tail: str) -> str:
    """``stem`` + ``tail``, the stem shortened until the file system takes the name."""
    while len(os.fsencode(stem + tail)) > _LONGEST_NAME and stem:
        stem = stem[:-1]
    return stem + tail


def _collisions(paths: Sequence[Path]) -> list[list[int]]:
    """Groups of indices of paths that are one and the same file."""
    groups = defaultdict(list)
    for index, path in enumerate(paths):
        groups[_folded(os.path.realpath(path))].append(index)
    return [indices for indices in groups.values() if len(indices) > 1]


def _folded(path: str) -> str:
    """The usual file systems of these two take "A.jpg" and "a.jpg" for one file, one of them any two forms of "ä"."""
    if sys.platform == "darwin":
        return unicodedata.normalize("NFC", path).casefold()
    return path.casefold() if sys.platform == "win32" else path
