"""Networks of true size with random weights for the benchmarks, in a temporary folder or in a store of their own."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["replicas", "store_replicas"]


@contextmanager
def replicas(*names: str) -> Iterator[Path]:
    """A folder with the files of ``make_replica_weights.py`` that are named."""
    from make_replica_weights import REPLICAS

    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            REPLICAS[name](Path(folder) / name)
        yield Path(folder)


def store_replicas(files: Mapping[str, Path]) -> None:
    """Import files into the store of ``FACEFUSION_HOME`` as the weights named, on the user's word."""
    from facefusion_cli.core.home import models_folder
    from facefusion_cli.core.weights.catalog import catalog
    from facefusion_cli.core.weights.importing import import_file
    from facefusion_cli.core.weights.store import Store

    store = Store(models_folder(), catalog())
    for name, path in files.items():
        import_file(store, path, unverified=store.catalog.weight(name))
