"""From what the user typed after ``-o`` to one path for each target."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from facefusion_cli.core.media.formats import default_suffix
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["default_path", "name_outputs", "numbered"]

_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_LONGEST_NAME = 255
"""Bytes a file name may have on all common file systems."""


def name_outputs(targets: Sequence[Path], out: str) -> list[Path]:
    """One path for each of ``targets``: inside the folder ``out``, by the template ``out``, or ``out`` itself.

    Raises:
        UsageError: an unknown placeholder, one file for several targets, or two targets that get the same name.
    """
    if not out:
        raise UsageError("the name of the output is empty.")
    if _is_folder(out):
        paths = [Path(out, _fit(target.stem, default_suffix(target))) for target in targets]
    elif _PLACEHOLDER.search(out):
        paths = [Path(_fill(out, target)) for target in targets]
    elif len(targets) > 1:
        raise UsageError(
            f'{len(targets)} targets cannot all be written to "{out}".',
            hint='Give an existing folder, or a template such as "{stem}_new{suffix}".',
        )
    else:
        paths = [Path(out)]
    _refuse_collisions(paths)
    return paths


def default_path(target: Path) -> Path:
    """Where a result goes when no name was given: ``{stem}_swapped{suffix}`` beside ``target``."""
    return target.with_name(_fit(target.stem, "_swapped" + default_suffix(target)))


def numbered(path: Path, number: int) -> Path:
    """``path`` for 1, ``{stem}_2{suffix}`` for 2 and so on."""
    return path if number == 1 else path.with_name(_fit(path.stem, f"_{number}{path.suffix}"))


def _is_folder(out: str) -> bool:
    separators = tuple(filter(None, ("/", os.sep, os.altsep)))
    # Unlike Path.is_dir this calls too long a name no folder, and lets the check of the output complain.
    return out.endswith(separators) or os.path.isdir(out)  # noqa: PTH112


def _fill(template: str, target: Path) -> str:
    suffix = default_suffix(target)
    values = {"stem": target.stem, "suffix": suffix, "name": target.stem + suffix}

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


def _refuse_collisions(paths: Sequence[Path]) -> None:
    # The usual file systems of these two take "A.jpg" and "a.jpg" for one file.
    fold = str.casefold if sys.platform in {"darwin", "win32"} else str
    seen: set[str] = set()
    for path in paths:
        key = fold(os.path.realpath(path))
        if key in seen:
            raise UsageError(
                f'more than one target would be written to "{path}".',
                hint="Give them different names, or write them in separate runs.",
            )
        seen.add(key)
