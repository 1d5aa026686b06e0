"""Where weights are, and whether they are whole."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from facefusion_cli.core.weights.archive import extract_member
from facefusion_cli.core.weights.files import consuming, move_into_place, not_writable, remove_file, sha256_of
from facefusion_cli.core.weights.inspection import Finding, State, inspect, mismatch
from facefusion_cli.core.weights.markers import Marker
from facefusion_cli.core.weights.watcher import SILENT
from facefusion_cli.errors import WeightsDamagedError, WeightsError, WeightsMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Archive, Catalog, Weight
    from facefusion_cli.core.weights.watcher import Watcher

__all__ = ["State", "Store"]


class Store:
    """The weights in one folder. Cheap to make; the folder need not exist.

    A file counts only when its whole content has been verified. A marker in a hidden folder beside the files tells
    that it has; where none fits, the file is hashed, and marked if the folder can be written to. The hidden folder also
    holds the locks, what was downloaded so far, and files that are not whole yet.

    Every method may raise ``WeightsError`` where a file that is there cannot be read.
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
        if finding.state == "damaged" and self._marker(weight).exists():
            # Else the marker, if it fits, would go on vouching for the file.
            with suppress(WeightsError), self.locked(weight, watcher):
                if self._look(weight, whole=True).state == "damaged":
                    remove_file(self._marker(weight))
        return finding.state

    def require(self, weight: Weight) -> Path:
        """The path of a weight that is there and whole.

        Raises:
            WeightsMissingError, WeightsDamagedError.
        """
        self._found(weight)
        return self.path(weight)

    def sha256(self, weight: Weight) -> str:
        """SHA-256 of the stored file (not of what was published, where that was converted); for caches.

        Raises:
            WeightsMissingError, WeightsDamagedError.
        """
        return self._found(weight).sha256

    @contextmanager
    def locked(self, file: Weight | Archive, watcher: Watcher = SILENT) -> Iterator[None]:
        """Only one process at a time works on a file; the others wait and say so (stage "waiting").

        The system lets go of the lock of a process that dies. What such a process left half done is removed.

        Raises:
            WeightsError: the folder cannot be written to.
        """
        from filelock import FileLock, Timeout

        try:
            self._hidden.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._hidden / f"{file.name}.lock")
            try:
                lock.acquire(blocking=False)
            except Timeout:
                watcher.stage(file.name, "waiting")
                lock.acquire()
        except OSError as error:
            raise not_writable(self.folder, error) from error
        try:
            self._sweep(file)
            yield
        finally:
            lock.release()

    def partial(self, file: Weight | Archive) -> Path:
        """Where a download of the file grows, across runs; named by its SHA-256. Its folder exists while locked."""
        return self._hidden / f"{file.sha256}.part"

    def adopt(self, weight: Weight, file: Path, watcher: Watcher = SILENT) -> Path:
        """Verify ``file`` (size, SHA-256), convert it if it is a pickle, and move it to its place. Consumes it.

        Called with the lock held, with a file on the store's own file system. Something damaged at the weight's place
        is set aside. An ONNX file of the right hash is not looked into: it is what the catalog means, by definition.

        Raises:
            WeightsDamagedError: it is not that weight; ``file`` is removed.
            WeightsError: it cannot be stored; ``file`` is kept.
        """
        with consuming(file, self.path(weight)):
            watcher.stage(weight.name, "verifying")
            _check_hash(weight, file)
            return self._place(weight, file, weight.sha256, watcher)

    def adopt_archive(
        self, archive: Archive, file: Path, wanted: tuple[Weight, ...], watcher: Watcher = SILENT
    ) -> None:
        """Verify the archive, take the wanted members out, each verified on its own, and remove ``file``.

        Called with the archive's lock held.

        Raises:
            WeightsDamagedError: it is not that archive, or lacks a member; ``file`` is removed.
            WeightsError: something cannot be stored; ``file`` is kept.
        """
        with consuming(file, self.folder / archive.file):
            watcher.stage(archive.name, "verifying")
            _check_hash(archive, file)
            self.unpack(archive, file, wanted, watcher)
            file.unlink()
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

                check_onnx(file, called)
            return self._place(weight, file, sha256, watcher, unverified=True, called=called)

    def unpack(self, archive: Archive, file: Path, wanted: tuple[Weight, ...], watcher: Watcher = SILENT) -> None:
        """Store the wanted members of an archive of known hash, each verified on its own; ``file`` stays.

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

    def staging(self, locked: Weight | Archive, name: str) -> Path:
        """A file that grows while the lock is held, and is removed by the next who holds it if it was left behind."""
        return self._hidden / f"{locked.name}--{name}.staging"

    def set_aside(self, weight: Weight) -> Path | None:
        """Rename a damaged file so that it is kept for a look but never used; its new path, None if there is no file.

        Called with the lock held. One that was set aside earlier is replaced.
        """
        place = self.path(weight)
        aside = self._aside(weight)
        try:
            place.replace(aside)
            remove_file(self._marker(weight))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise not_writable(aside, error) from error
        return aside

    def remove(self, weight: Weight) -> bool:
        """Delete the weight, its marker and what was downloaded of it; whether there was anything.

        Raises:
            WeightsError: it cannot be deleted.
        """
        if not self.folder.exists():
            return False
        with self.locked(weight):
            files = [self.path(weight), self._aside(weight), self._marker(weight), *self._downloads(weight)]
            removed = [remove_file(file) for file in files]
        for archive in self.catalog.archives_of(weight):
            with self.locked(archive):
                removed += [remove_file(file) for file in self._downloads(archive)]
        return any(removed)

    def import_file(
        self, path: Path, unverified: Weight | None = None, watcher: Watcher = SILENT
    ) -> tuple[Weight, ...]:
        """Copy a file brought by hand into the store, recognised by its SHA-256 (weights and archives).

        ``unverified``: take it for that weight although its hash is not in the catalog; its content is checked all the
        same. Returns the weights that are stored now thanks to it.

        Raises:
            InputError: it cannot be read.
            WeightsDamagedError: it is none of the weights; the sentence says what it is (web page, TorchScript archive,
                another network of that name) and what to fetch instead.
            WeightsError: it cannot be stored.
        """
        from facefusion_cli.core.weights.importing import import_file

        return import_file(self, path, unverified, watcher)

    def _look(self, weight: Weight, *, whole: bool = False) -> Finding:
        return inspect(weight, self.path(weight), self._marker(weight), whole=whole)

    def _found(self, weight: Weight) -> Finding:
        finding = self._look(weight)
        hint = f'Fetch it with "facefusion download-models {weight.name}".'
        if finding.state == "missing":
            raise WeightsMissingError(f'the weights "{weight.name}" are not in "{self.folder}".', hint=hint)
        if finding.state == "damaged":
            raise WeightsDamagedError(f'"{self.path(weight)}" is damaged: {finding.why}.', hint=hint)
        return finding

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
                from facefusion_cli.core.weights.checkpoint import load_checkpoint, save_checkpoint

                watcher.stage(weight.name, "converting")
                ready = self.staging(weight, "converted")
                save_checkpoint(load_checkpoint(file, called or weight.file), ready)
                digest = sha256_of(ready)
            if self._look(weight).state == "damaged" and (aside := self.set_aside(weight)):
                watcher.note(f'"{self.path(weight)}" was damaged; it is "{aside.name}" now.')
            # The marker first: without one a converted file could not be told from any other.
            status = ready.stat()
            marker = Marker(published, digest, status.st_size, status.st_mtime_ns, unverified)
            marker.write(self._marker(weight))
            move_into_place(ready, self.path(weight))
        finally:
            if ready != file:
                remove_file(ready)
        if ready != file:
            file.unlink()
        watcher.stage(weight.name, "stored")
        return self.path(weight)

    def _aside(self, weight: Weight) -> Path:
        return self.folder / f"{weight.stored_file}.damaged"

    def _marker(self, weight: Weight) -> Path:
        return self._hidden / f"{weight.name}.json"

    def _sweep(self, file: Weight | Archive) -> None:
        """Remove what a killed process left half made, when the lock is held."""
        for pattern in (f"{file.name}--*.staging", f"{file.name}.json.*"):
            for stale in self._hidden.glob(pattern):
                remove_file(stale)

    def _downloads(self, file: Weight | Archive) -> list[Path]:
        return [*self._hidden.glob(f"{file.sha256}*")]


def _check_hash(expected: Weight | Archive, file: Path) -> None:
    size = file.stat().st_size
    # The hash of something of another size would only take time.
    found = (size, sha256_of(file) if size == expected.bytes else "")
    if found != (expected.bytes, expected.sha256):
        why = mismatch(found, (expected.bytes, expected.sha256))
        raise WeightsDamagedError(f'"{expected.file}" is not what it should be: {why}.')
