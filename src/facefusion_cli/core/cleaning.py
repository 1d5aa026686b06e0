"""What the project has left on the disks, and how it goes."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from facefusion_cli.core.batch.journal import JOURNAL_NAME
from facefusion_cli.core.home import home_folder, state_folder
from facefusion_cli.core.media.disk_errors import why_not_written
from facefusion_cli.core.media.hidden import is_temporary_name
from facefusion_cli.core.media.left_overs import abandoned
from facefusion_cli.core.media.registry import JOURNALS, REGISTRIES, forget, remembered
from facefusion_cli.core.media.work_folders import hold, remove_entry, remove_held, work_folders
from facefusion_cli.core.weights.files import set_aside_earlier
from facefusion_cli.errors import OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from facefusion_cli.core.weights.catalog import Archive, Weight
    from facefusion_cli.core.weights.store import Store
    from facefusion_cli.core.weights.watcher import Watcher

__all__ = ["Kind", "LeftOver", "find_left_overs", "remove_empty_folders", "remove_left_over"]

Kind = Literal["work-folder", "temporary-file", "cache", "download", "weights", "journal", "answers"]

_CACHES, _ANSWERS = ("self-checks.json",), ("consent.json", "first-use")
"""In the state folder: what can be found out again, and what cannot."""


@dataclass(frozen=True, slots=True)
class LeftOver:
    """Something that can go."""

    kind: Kind
    path: Path
    bytes: int
    """What it takes on the disk, with all that goes with it."""
    weight: Weight | Archive | None = None
    """Whose download or weights it is."""


def find_left_overs(places: Sequence[Path], store: Store, *, everything: bool = False) -> list[LeftOver]:
    """Work folders anywhere, temporary files in ``places`` and beside work folders, caches, unfinished downloads.

    ``everything``: also weights, the journals of folders of results anywhere and in ``places``, and the licences that
    were accepted. Some may be in use. Only what is known to be ours
    is found, in whatever folder it lies; ``places`` are searched themselves, not the folders in them.

    Raises:
        UsageError: one of ``places`` is no folder.
    """
    for place in places:
        if not place.is_dir():
            raise UsageError(f'"{place}" is no folder.', hint="Name folders in which outputs were made.")
    folders = work_folders(places)
    found = [LeftOver("work-folder", folder, _size(folder)) for folder in folders]
    around = {Path(os.path.realpath(place)) for place in places} | {folder.parent for folder in folders}
    found += [LeftOver("temporary-file", path, _size(path)) for path in _matching(around, is_temporary_name)]
    found += [LeftOver("cache", path, _size(path)) for path in _state_files(_CACHES)]
    files: list[Weight | Archive] = [*store.catalog.weights, *store.catalog.archives]
    for file in files:
        pieces = _downloads(store, file)
        found += [LeftOver("download", path, _size(path), file) for path in pieces]
    if everything:
        for weight in store.catalog.weights:
            paths = [path for path in (store.path(weight), *set_aside_earlier(store.path(weight))) if path.is_file()]
            if paths:
                found.append(LeftOver("weights", paths[0], sum(map(_size, paths)), weight))
        known = {path for path in remembered(JOURNALS) if path.name == JOURNAL_NAME and _is_plain(path)}
        journals = known.union(_matching(around, JOURNAL_NAME.__eq__))
        found += [LeftOver("journal", path, _size(path)) for path in sorted(journals)]
        found += [LeftOver("answers", path, _size(path)) for path in _state_files(_ANSWERS)]
    return found


def remove_left_over(found: LeftOver, store: Store, watcher: Watcher, *, dry: bool = False) -> bool:
    """Remove it; false if a running program uses it, and it stays. With ``dry`` only tell.

    Raises:
        FaceFusionError: it cannot be removed.
    """
    try:
        match found.kind:
            case "work-folder":
                return _remove_work_folder(found.path, dry=dry)
            case "temporary-file":
                try:
                    with abandoned(found.path):
                        if not dry:
                            found.path.unlink()
                except BlockingIOError:
                    return False
            case "download" | "weights":
                assert found.weight is not None
                return _remove_of_store(found, found.weight, store, watcher, dry=dry)
            case _:
                if not dry:
                    remove_entry(found.path)
                    if found.kind == "journal":
                        forget(JOURNALS, found.path)
    except FileNotFoundError:
        return True  # somebody else was faster
    except OSError as error:
        raise OutputError(f'"{found.path}" cannot be removed: {why_not_written(error)}.') from error
    return True


def remove_empty_folders(store: Store) -> Iterator[Path]:
    """Remove our own folders where nothing is left in them, and what else is in the store's hidden one."""
    hidden = _hidden(store)
    for path in _matching([hidden], re.compile(r".+\.(lock|json|json\.\w+)").fullmatch):
        if path.suffix != ".lock" or not _is_locked(path):
            with suppress(OSError):
                path.unlink()
    with suppress(UsageError):
        registries = [state_folder() / registry for registry in REGISTRIES]
        for folder in (hidden, store.folder, *registries, state_folder(), home_folder()):
            with suppress(OSError):
                folder.rmdir()
                yield folder


def _remove_work_folder(folder: Path, *, dry: bool) -> bool:
    lock = hold(folder)
    if lock is None:
        return False
    if dry:
        lock.release()
    else:
        remove_held(folder, lock)
    return True


def _remove_of_store(found: LeftOver, file: Weight | Archive, store: Store, watcher: Watcher, *, dry: bool) -> bool:
    if _is_locked(_hidden(store) / f"{file.name}.lock"):
        return False
    if dry:
        return True
    if found.kind == "weights":
        store.remove(store.catalog.weight(file.name), watcher)
    else:
        with store.locked(file, watcher):
            found.path.unlink(missing_ok=True)
    return True


def _is_locked(path: Path) -> bool:
    from filelock import FileLock, Timeout

    if not path.exists():
        return False
    try:
        with FileLock(path, blocking=False):
            return False
    except Timeout:
        return True


def _hidden(store: Store) -> Path:
    return store.partial(store.catalog.weights[0]).parent


def _downloads(store: Store, file: Weight | Archive) -> list[Path]:
    hidden = _hidden(store)
    return sorted((*hidden.glob(f"{file.sha256}*"), *hidden.glob(f"{file.name}--*.staging")))


def _state_files(names: Iterable[str]) -> list[Path]:
    """Files of these names, and what was to become one of them when a run was killed."""
    pattern = re.compile("|".join(rf"{re.escape(name)}(\.[0-9a-f]{{8}})?" for name in names))
    with suppress(UsageError):
        return _matching([state_folder()], pattern.fullmatch)
    return []


def _matching(folders: Iterable[Path], matches: Callable[[str], object]) -> list[Path]:
    """Ordinary files of such names directly in the folders; those that cannot be read have none."""
    found = []
    for folder in sorted(folders):
        with suppress(OSError):
            found += [path for path in folder.iterdir() if matches(path.name) and _is_plain(path)]
    return sorted(found)


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _size(path: Path) -> int:
    """Bytes in a file, or in all files of a folder; what vanishes meanwhile counts nothing."""
    files = path.rglob("*") if path.is_dir() else [path]
    total = 0
    for file in files:
        with suppress(OSError):
            total += file.lstat().st_size if not file.is_dir() else 0
    return total
