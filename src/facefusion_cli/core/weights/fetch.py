"""Fetching weights from their sources."""

from __future__ import annotations

import errno
import shutil
import time
from functools import partial
from typing import TYPE_CHECKING

from facefusion_cli.core.addresses import host_of
from facefusion_cli.core.weights.catalog import HubSource, Weight
from facefusion_cli.core.weights.faults import SourceFault
from facefusion_cli.core.weights.files import not_writable
from facefusion_cli.core.weights.hub import address, cached_file, check_endpoint, is_offline, request_for
from facefusion_cli.core.weights.partial import Partial
from facefusion_cli.core.weights.reach import Hosts
from facefusion_cli.core.weights.room import check_free, converted_bytes
from facefusion_cli.core.weights.store import USABLE
from facefusion_cli.core.weights.stream import download
from facefusion_cli.core.weights.unavailable import disk_full, offline, unavailable
from facefusion_cli.core.weights.watcher import SILENT
from facefusion_cli.errors import WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Archive, Source
    from facefusion_cli.core.weights.store import Store
    from facefusion_cli.core.weights.watcher import Watcher

__all__ = ["fetch"]

LONGEST_WAIT = 10.0
"""Seconds; a server that wants to be asked again within that time is, once."""


def fetch(weight: Weight, store: Store, watcher: Watcher = SILENT, hosts: Hosts | None = None) -> Path:
    """The path of the stored weight, fetched if it is not there.

    Takes the store's lock for it; whoever waited finds it stored and fetches nothing. A copy in the Hugging Face cache
    is taken before anything is downloaded. Sources are tried in order, then the archives that hold the weight. What was
    downloaded by an earlier run, killed or cut off, is gone on with. ``hosts`` is for whoever fetches several: what
    cannot be reached is then not tried again for each.

    Raises:
        DownloadError: no source gave it; message and ``reason`` say why, the hint names the manual way.
        WeightsError: it cannot be stored.
    """
    place = store.path(weight)
    if _is_there(weight, store):
        return place
    sources = _Sources(weight, store, watcher, Hosts() if hosts is None else hosts)
    with store.locked(weight, watcher):
        if _is_there(weight, store):  # whoever held the lock has fetched it
            watcher.stage(weight.name, "stored")
            return place
        if store.state(weight) == "unreadable":  # which fetching would not change
            store.require(weight)
        if sources.give(weight, partial(store.adopt, weight, watcher=watcher), converted_bytes(weight)):
            return place
    # Without the weight's lock: who waits for an archive holds no other, so that two can never wait for each other.
    for archive in store.catalog.archives_of(weight):
        with store.locked(archive, watcher):
            wanted = [store.catalog.weight(name) for name in archive.members.values()]
            wanted = [member for member in wanted if not _is_there(member, store)]
            if weight not in wanted:
                watcher.stage(weight.name, "stored")
                return place
            beside = sum(member.bytes for member in wanted)
            if sources.give(archive, partial(_unpack, archive, tuple(wanted), store, watcher), beside):
                return place
    raise offline(weight, store.folder) if is_offline() else unavailable(weight, store.folder, sources.faults)


def _unpack(archive: Archive, wanted: tuple[Weight, ...], store: Store, watcher: Watcher, file: Path) -> None:
    store.adopt_archive(archive, file, wanted, watcher)


def _is_there(weight: Weight, store: Store) -> bool:
    return store.state(weight) in USABLE


class _Sources:
    """The sources of what is fetched in one call, and what came of those that were tried."""

    def __init__(self, weight: Weight, store: Store, watcher: Watcher, hosts: Hosts) -> None:
        check_endpoint()
        files: tuple[Weight | Archive, ...] = (weight, *store.catalog.archives_of(weight))
        self._urls = [address(source) for file in files for source in file.sources]
        self.faults: list[tuple[Source, SourceFault]] = []
        self._store = store
        self._watcher = watcher
        self._hosts = hosts
        self._waited: set[str] = set()

    def give(self, file: Weight | Archive, adopt: Callable[[Path], object], beside: int) -> bool:
        """Get the file and have it adopted; False if no source gives it.

        ``adopt`` raises ``WeightsDamagedError`` if it is not what it should be; ``beside`` are the bytes that it writes
        while the file is still there.
        """
        folder = self._store.folder
        try:
            part = Partial(self._store.partial(file), file.bytes)
            if part.whole and self._adopted(part, adopt):
                return True
            check_free(folder, file.bytes - part.size + beside, f'"{file.file}"')
            if cached := cached_file(file):
                self._watcher.stage(file.name, "copying")
                part.discard()
                shutil.copyfile(cached, part.path)
                if self._adopted(part, adopt):
                    return True
            return not is_offline() and self._download(file, part, adopt)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise disk_full(file, folder) from error
            raise not_writable(folder, error) from error

    def _download(self, file: Weight | Archive, part: Partial, adopt: Callable[[Path], object]) -> bool:
        failed: SourceFault | None = None
        for source in file.sources:
            url = address(source)
            if failed and self._hosts.fault(url) is None:
                self._watcher.note(f'"{file.file}": {failed.clause}; {_label(source)} is asked next.')
            try:
                self._from(source, file, part, adopt)
                return True
            except SourceFault as fault:
                self._hosts.lost(url, fault)
                self.faults.append((source, fault))
                failed = fault
        return False

    def _from(self, source: Source, file: Weight | Archive, part: Partial, adopt: Callable[[Path], object]) -> None:
        url = address(source)
        spoilt = False
        while True:
            self._watcher.stage(file.name, "connecting")
            try:
                self._hosts.check(url, self._urls)
                request = request_for(source, file)
                self._watcher.stage(file.name, "downloading")
                self._watcher.progress(file.name, part.size, file.bytes)
                pieced = download(
                    request, part, file.bytes, lambda count: self._watcher.progress(file.name, count, file.bytes)
                )
            except SourceFault as fault:
                if fault.wait is None or fault.wait > LONGEST_WAIT or host_of(url) in self._waited:
                    raise
                self._waited.add(host_of(url))
                time.sleep(fault.wait)
                continue
            if self._adopted(part, adopt):
                return
            # Another piece than this server's may have been what was wrong.
            if spoilt or not pieced:
                raise SourceFault("mismatch", f"{host_of(url)} sent something else than the file (its SHA-256 differs)")
            spoilt = True

    def _adopted(self, part: Partial, adopt: Callable[[Path], object]) -> bool:
        """Whether it was what it should be; then it is in the store, else it is gone."""
        try:
            adopt(part.path)
        except WeightsDamagedError:
            part.discard()
            return False
        return True


def _label(source: Source) -> str:
    host = host_of(address(source))
    return f"{source.repo_id} on {host}" if isinstance(source, HubSource) else host
