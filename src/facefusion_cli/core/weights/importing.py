"""Files of weights that the user brings by hand."""

from __future__ import annotations

import shutil
import stat
from typing import TYPE_CHECKING

from facefusion_cli.core.weights.catalog import Archive
from facefusion_cli.core.weights.files import consuming, sha256_of
from facefusion_cli.core.weights.kinds import not_a_weight
from facefusion_cli.core.weights.room import check_free, converted_bytes
from facefusion_cli.core.weights.watcher import SILENT
from facefusion_cli.errors import InputError, WeightsDamagedError

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Catalog, Weight
    from facefusion_cli.core.weights.store import Store
    from facefusion_cli.core.weights.watcher import Watcher

__all__ = ["import_file"]


def import_file(
    store: Store, path: Path, unverified: Weight | None = None, watcher: Watcher = SILENT
) -> tuple[Weight, ...]:
    """Copy a file brought by hand into the store, recognised by its SHA-256 (weights and archives).

    ``unverified``: take it for that weight although its hash is not in the catalog; its content is checked all the
    same. Returns the weights that are stored now thanks to it; what was stored already is left alone.

    Raises:
        InputError: it cannot be read.
        WeightsDamagedError: it is none of the weights; the sentence says what it is (web page, TorchScript archive,
            another network of that name) and what to fetch instead.
        WeightsError: it cannot be stored.
    """
    file, sha256 = _recognise(store.catalog, path, unverified)
    with store.locked(file, watcher):
        if isinstance(file, Archive):
            weights = tuple(store.catalog.weight(name) for name in file.members.values())
            lacking = tuple(weight for weight in weights if store.state(weight) != "stored")
            check_free(store.folder, sum(weight.bytes for weight in lacking), f'"{path.name}"')
            store.unpack(file, path, lacking, watcher)
            return weights
        if sha256 != file.sha256 or store.state(file) != "stored":
            _import_weight(store, file, path, sha256, watcher)
        return (file,)


def _recognise(catalog: Catalog, path: Path, unverified: Weight | None) -> tuple[Weight | Archive, str]:
    """What the file is to be taken for, and its SHA-256."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not an ordinary file"
            raise InputError(f'"{path}" is {kind}.', hint="Give the file of weights itself.")
        sha256 = sha256_of(path)
        found = catalog.identify(sha256)
        file = found or unverified
        if file is None:
            raise not_a_weight(path, status.st_size, sha256, catalog)
    except FileNotFoundError as error:
        raise InputError(f'"{path}" does not exist.') from error
    except OSError as error:
        raise InputError(f'cannot read "{path}": {(error.strerror or str(error)).lower()}.') from error
    if unverified and file != unverified:
        raise WeightsDamagedError(f'"{path}" is {file.name}, not {unverified.name}.', hint="Leave --unverified away.")
    return file, sha256


def _import_weight(store: Store, weight: Weight, path: Path, sha256: str, watcher: Watcher) -> None:
    check_free(store.folder, path.stat().st_size + converted_bytes(weight), f'"{path.name}"')
    copy = store.staging(weight, "import")
    try:
        with consuming(copy, store.path(weight)):
            shutil.copyfile(path, copy)
        if sha256 == weight.sha256:
            store.adopt(weight, copy, watcher)
        else:
            store.adopt_unverified(weight, copy, sha256, str(path), watcher)
    finally:
        copy.unlink(missing_ok=True)
