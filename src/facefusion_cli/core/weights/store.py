"""Where weights are, and whether they are whole."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from facefusion_cli.core.weights.archive import extract_member
from facefusion_cli.core.weights.catalog import Archive
from facefusion_cli.core.weights.files import (
    consuming,
    move_aside,
    move_into_place,
    not_writable,
    refuse_folders,
    remove_file,
    set_aside_earlier,
    sha256_of,
)
from facefusion_cli.core.weights.inspection import USABLE, Finding, State, inspect
from facefusion_cli.core.weights.locks import lock
from facefusion_cli.core.weights.markers import Marker, read_markers, write_markers
from facefusion_cli.core.weights.verifying import check_hash, verified
from facefusion_cli.core.weights.watcher import SILENT
from facefusion_cli.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Catalog, Weight
    from facefusion_cli.core.weights.watcher import Watcher

__all__ = ["USABLE", "State", "Store"]


class Store:
    """The weights in one folder. Cheap to make; the folder need not exist.

    A file counts only when its whole content has been verified. A marker in a hidden folder beside the files tells
    that it has; where none fits, the file is hashed, and marked if the folder can be written to. The hidden folder also
    holds the locks, what was downloaded so far, and files that are not whole yet.
    """

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self.folder = folder
        self.catalog = catalog
        self._hidden = folder / ".facefusion"

    def path(self, weight: Weight) -> Path:
        """Where the weight is, or would be."""
        return self.folder / weight.stored_file

    def state(self, weight: Weight) -> State:
        """Cheap where the marker fits the file (size and mtime); else the whole file is hashed (and marked)."""
        return self._look(weight).state

    def verify(self, weight: Weight, watcher: Watcher = SILENT) -> State:
        """Hash the whole file now, whatever the marker says."""
        watcher.stage(weight.name, "verifying")
        finding = self._look(weight, whole=True)
        marker = self._marker(weight)
        if finding.state == "damaged" and marker.exists():
            # Else the marker, if it fits, would go on vouching for the file.
            with suppress(WeightsError, OSError), self.locked(weight, watcher):
                if self._look(weight, whole=True).state == "damaged":
                    write_markers(marker, *(replace(known, mtime_ns=-1) for known in read_markers(marker)))
        return finding.state

    def problem(self, weight: Weight) -> WeightsError | None:
        """Why the weight cannot be used, as ``require`` says it; None if it can."""
        return self._look(weight).problem

    def require(self, weight: Weight) -> Path:
        """The path of a weight that is there and whole.

        Raises:
            WeightsMissingError, WeightsDamagedError.
            WeightsError: it cannot be read.
        """
        self._look(weight).usable()
        return self.path(weight)

    def sha256(self, weight: Weight) -> str:
        """SHA-256 of the stored file (not of what was published, where that was converted); for caches.

        Raises:
            WeightsError: as ``require`` does.
        """
        return self._look(weight).usable().sha256

    @contextmanager
    def locked(self, file: Weight | Archive, watcher: Watcher = SILENT) -> Iterator[None]:
        """Only one process at a time works on a file; the others wait and say so (stage "waiting").

        With an archive its weights are locked, after it and in the catalog's order; nobody holds a weight's lock and
        waits for an archive, so that two can never wait for each other. What a dead process left half done is removed.

        Raises:
            WeightsError: the folder cannot be written to, or there are folders in place of files in it.
        """
        files: list[Weight | Archive] = [file]
        if isinstance(file, Archive):
            files += [weight for weight in self.catalog.weights if weight.name in file.members.values()]
        with ExitStack() as locks:
            try:
                self._hidden.mkdir(parents=True, exist_ok=True)
                for each in files:
                    place = self._hidden / f"{each.name}.lock"
                    refuse_folders(place, self._marker(each), self.partial(each))
                    locks.enter_context(lock(place, each.name, watcher))
            except OSError as error:
                raise not_writable(self.folder, error) from error
            for each in files:
                self._sweep(each)
            yield

    def partial(self, file: Weight | Archive) -> Path:
        """Where a download of the file grows, across runs; named by its SHA-256. Its folder exists while locked."""
        return self._hidden / f"{file.sha256}.part"

    def adopt(self, weight: Weight, file: Path, watcher: Watcher = SILENT) -> Path:
        """Verify ``file`` (size, SHA-256), convert it if it is a pickle, and move it to its place. Consumes it.

        Called with the lock held, with a file on the store's own file system. Something damaged at the weight's place
        is set aside. An ONNX file of the right hash is not looked into: it is what the catalog means, by definition.

        Raises:
            WeightsDamagedError: it is not that weight; ``file`` is removed.
            WeightsError: it cannot be converted or stored; ``file`` is kept.
        """
        with consuming(file, self.path(weight)):
            watcher.stage(weight.name, "verifying")
            check_hash(weight, file)
            with verified(weight):
                return self._place(weight, file, weight.sha256, watcher)

    def adopt_archive(
        self, archive: Archive, file: Path, wanted: tuple[Weight, ...], watcher: Watcher = SILENT
    ) -> None:
        """Verify the archive, take the wanted members out, each verified on its own, and remove ``file``.

        Called with the archive's lock held.

        Raises:
            WeightsDamagedError: it is not that archive; ``file`` is removed.
            WeightsError: it lacks a member, or something cannot be stored; ``file`` is kept.
        """
        with consuming(file, self.folder / archive.file):
            watcher.stage(archive.name, "verifying")
            check_hash(archive, file)
            with verified(archive):
                self.unpack(archive, file, wanted, watcher)
            watcher.stage(archive.name, "stored")

    def adopt_unverified(self, weight: Weight, file: Path, sha256: str, called: str, watcher: Watcher = SILENT) -> Path:
        """As ``adopt``, but take the user's word for the file, whose SHA-256 is not in the catalog; check its content.

        ``called``: what the user calls it, for error messages.

        Raises:
            WeightsDamagedError: it cannot be that weight; ``file`` is removed.
            WeightsError: it cannot be stored; ``file`` is kept.
        """
        with consuming(file, self.path(weight)):
            watcher.stage(weight.name, "verifying")
            if weight.form == "onnx":
                from facefusion_cli.core.inference.onnx_file import check_onnx

                check_onnx(file, called, weight.inputs, weight.outputs)
            return self._place(weight, file, sha256, watcher, unverified=True, called=called)

    def unpack(self, archive: Archive, file: Path, wanted: tuple[Weight, ...], watcher: Watcher = SILENT) -> None:
        """Store the wanted members of an archive of known hash, each verified on its own; downloads of it are removed.

        Called with the archive's lock held.

        Raises:
            WeightsDamagedError: it lacks one.
            WeightsError: one cannot be stored.
        """
        members = {name: member for member, name in archive.members.items()}
        for weight in wanted:
            target = self.staging(archive, weight.name)
            try:
                with consuming(target, self.path(weight)):
                    extract_member(file, members[weight.name], weight.bytes, target, archive.file)
                self.adopt(weight, target, watcher)
            finally:
                remove_file(target)
        self._remove_downloads(archive)

    def staging(self, locked: Weight | Archive, name: str) -> Path:
        """A file that grows while the lock is held, and is removed by the next who holds it if it was left behind."""
        return self._hidden / f"{locked.name}--{name}.staging"

    def set_aside(self, weight: Weight, watcher: Watcher = SILENT) -> Path | None:
        """Rename a file that is damaged or unrecorded, so that it is kept for a look; its new path, None if it is not.

        Called with the lock held. A file that was set aside earlier is replaced, a folder is not.

        Raises:
            WeightsError: it cannot be read or renamed.
        """
        finding = self._look(weight)
        if finding.problem is None or finding.state == "missing":
            return None
        if finding.state == "unreadable":
            raise finding.problem
        aside = move_aside(self.path(weight))
        remove_file(self._marker(weight))
        watcher.note(f'{finding.problem.message} It is kept as "{aside.name}".')
        return aside

    def remove(self, weight: Weight, watcher: Watcher = SILENT) -> bool:
        """Delete the weight, its marker and what was downloaded of it; whether there was anything.

        Raises:
            WeightsError: it cannot be deleted.
        """
        if not self.folder.exists():
            return False
        with self.locked(weight, watcher):
            removed = [self._remove_downloads(weight), remove_file(self._marker(weight))]
            # Last, for these may be folders, which stay.
            removed += map(remove_file, (self.path(weight), *set_aside_earlier(self.path(weight))))
        for archive in self.catalog.archives_of(weight):
            with self.locked(archive, watcher):
                removed.append(self._remove_downloads(archive))
        return any(removed)

    def _look(self, weight: Weight, *, whole: bool = False) -> Finding:
        return inspect(weight, self.path(weight), self._marker(weight), whole=whole)

    def _place(
        self,
        weight: Weight,
        file: Path,
        published: str,
        watcher: Watcher,
        *,
        unverified: bool = False,
        called: str = "",
    ) -> Path:
        """Move a file of known SHA-256 to its place, converted if need be; OSError if it cannot be written."""
        ready, digest = file, published
        try:
            if weight.form == "wav2lip":
                from facefusion_cli.core.weights.checkpoint import convert_checkpoint

                watcher.stage(weight.name, "converting")
                ready = self.staging(weight, "converted")
                convert_checkpoint(file, ready, called or weight.file)
                digest = sha256_of(ready)
            self.set_aside(weight, watcher)
            status, former = ready.stat(), self._look(weight).marker
            marker = Marker(published, digest, status.st_size, status.st_mtime_ns, unverified)
            # The marker first, beside that of the file that is still there: without one, nothing tells what a file is.
            write_markers(self._marker(weight), marker, *([] if former is None else [former]))
            move_into_place(ready, self.path(weight))
            with suppress(OSError):
                write_markers(self._marker(weight), marker)
        finally:
            if ready != file:
                remove_file(ready)
        remove_file(file)
        self._remove_downloads(weight)
        watcher.stage(weight.name, "stored")
        return self.path(weight)

    def _marker(self, file: Weight | Archive) -> Path:
        return self._hidden / f"{file.name}.json"

    def _sweep(self, file: Weight | Archive) -> None:
        """Remove what a killed process left half made, when the lock is held."""
        for pattern in (f"{file.name}--*.staging", f"{file.name}.json.*"):
            for stale in self._hidden.glob(pattern):
                remove_file(stale)

    def _remove_downloads(self, file: Weight | Archive) -> bool:
        removed = [remove_file(path) for path in self._hidden.glob(f"{file.sha256}*")]
        return any(removed)
