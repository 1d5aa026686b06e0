# ruff: noqa: T201
"""Fetches one file of weights in a process of its own and tells, a line each, what a watcher is told.

Arguments: folder of the store, bytes, SHA-256, and the sources, of which those with "://" are addresses and the others
"repository path".
"""

from __future__ import annotations

import sys
from pathlib import Path

from facefusion_cli.core.weights.catalog import Catalog, HubSource, Licence, UrlSource, Weight
from facefusion_cli.core.weights.fetch import fetch
from facefusion_cli.core.weights.store import Store
from facefusion_cli.errors import DownloadError


class Teller:
    def stage(self, name: str, stage: str) -> None:
        print(stage, flush=True)

    def progress(self, name: str, done: int, total: int) -> None:
        print(done, flush=True)

    def note(self, sentence: str) -> None:
        print(sentence, flush=True)


folder, size, sha256, *sources = sys.argv[1:]
weight = Weight(
    name="net",
    file="net.onnx",
    bytes=int(size),
    sha256=sha256,
    purpose="is fetched",
    licence=Licence("toys", "Toys: for play only", "https://toys.test/licence"),
    form="onnx",
    sources=tuple(
        UrlSource(source) if "://" in source else HubSource(source.split()[0], source.split()[1]) for source in sources
    ),
)
try:
    fetch(weight, Store(Path(folder), Catalog((weight,), ())), Teller())
except DownloadError as error:
    sys.exit(error.reason)
