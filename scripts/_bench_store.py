"""Weights verified and fetched by the store, beside what hashing and copying alone take."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from _bench_api_server import free_port
from _bench_frame import Benchmark, Case, Group
from _bench_yardsticks import COPY, copy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from facefusion_cli.core.weights.catalog import Weight
    from facefusion_cli.core.weights.store import Store

__all__ = ["VERIFY", "verify_groups"]

_BYTES = 554_253_681
"""As inswapper_128.onnx, the largest file that the store keeps."""
_PIECE = 2**20
_START_SECONDS = 30.0
_REMARK = "GB/s: bytes of the file; it lies in memory (the system's cache of files), so that no disk is measured"


def _verify(_folder: Path | None) -> Iterator[Group]:
    yield from verify_groups(_BYTES)


def verify_groups(size: int) -> Iterator[Group]:
    """A file of so many random bytes, verified where it is stored, and fetched from a server of this machine."""
    import numpy as np

    from facefusion_cli.core.weights.catalog import Catalog, Licence, UrlSource, Weight
    from facefusion_cli.core.weights.fetch import fetch
    from facefusion_cli.core.weights.store import Store

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "served").mkdir()
        published = folder / "served" / "net.onnx"
        content = np.random.default_rng(0).bytes(size)
        published.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        with _served(folder / "served") as url:
            source = UrlSource(f"{url}/{published.name}")
            licence = Licence("none", "random numbers", url)
            weight = Weight("net", published.name, size, sha256, "is measured", licence, "onnx", (source,))
            store = Store(folder / "models", Catalog((weight,), ()))
            fetch(weight, store)
            hashing = "SHA-256 of the bytes in memory (hashlib)"
            limited = partial(Case, traffic=size, yardstick=COPY)
            yield Group(
                f"a stored file of {size:,} bytes",
                [
                    limited(hashing, partial(hashlib.sha256, content)),
                    limited("verify it (download-models --verify)", partial(_verified, store, weight)),
                    Case("look at it (at each start)", partial(store.require, weight)),
                    copy(),
                ],
                _REMARK,
            )
            del content
            yield Group(
                "the same from a server of this machine",
                [
                    limited("fetch it with urllib, hash it, write it", partial(_plainly, source.url, folder / "plain")),
                    limited("fetch it into the store", partial(_fetched, store, weight)),
                    copy(),
                ],
                "the store's file is whole on the disk when it is in its place (fsync), the other's is not",
            )


def _verified(store: Store, weight: Weight) -> None:
    if store.verify(weight) != "stored":
        raise SystemExit("error: the file to measure with is not what it should be.")


def _fetched(store: Store, weight: Weight) -> None:
    from facefusion_cli.core.weights.fetch import fetch

    store.remove(weight)
    fetch(weight, store)


def _plainly(url: str, path: Path) -> None:
    digest = hashlib.sha256()
    with urllib.request.urlopen(url) as answer, path.open("wb") as file:  # noqa: S310  (of our own server)
        while piece := answer.read(_PIECE):
            digest.update(piece)
            file.write(piece)


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """A web server in a process of its own; no proxy stands between it and whoever asks."""
    port = free_port()
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(url):
            if running.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("error: the server to measure with did not become ready.")
            time.sleep(0.05)
        yield url
    finally:
        running.terminate()
        running.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url):  # noqa: S310
            return True
    except OSError:  # not listening yet
        return False


VERIFY = Benchmark("weights verified and fetched by the store", 5, _verify)
