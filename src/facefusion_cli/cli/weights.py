"""What ``facefusion download-models`` does, and how it presents it."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from facefusion_cli.cli.offer import displayer, show_licences
from facefusion_cli.cli.progress import Lines
from facefusion_cli.core import sizes
from facefusion_cli.core.failures import in_words
from facefusion_cli.core.weights.command import download_command
from facefusion_cli.core.weights.consent import Consent
from facefusion_cli.core.weights.fetch import fetch
from facefusion_cli.core.weights.importing import import_file
from facefusion_cli.core.weights.needs import engines_that_need
from facefusion_cli.core.weights.provision import licences_of
from facefusion_cli.core.weights.reach import Hosts
from facefusion_cli.core.weights.room import already_fetched, check_folder, check_room, free_bytes
from facefusion_cli.core.weights.store import USABLE
from facefusion_cli.errors import FaceFusionError, WeightsDamagedError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from facefusion_cli.cli.console import Console
    from facefusion_cli.core.weights.catalog import Weight
    from facefusion_cli.core.weights.store import State, Store

__all__ = ["download", "import_files", "remove", "show_list", "verify"]

_TO_FETCH: dict[State, str] = {
    "missing": "",
    "damaged": "  (what is stored is damaged)",
    "unrecorded": "  (what is stored cannot be verified)",
}
"""States in which there is something to fetch, and what is said of each."""


def show_list(console: Console, store: Store, weights: Sequence[Weight]) -> int:
    """A table of weights and of what is stored of them."""
    states = _states(console, store, weights)
    for weight, state in states.items():
        licence = weight.licence
        console.record(
            ok=True,
            **_facts(store, weight, state),
            purpose=weight.purpose,
            engines=engines_that_need(weight.name),
            licence={"key": licence.key, "title": licence.title, "url": licence.url},
        )
    if console.json:
        return 0
    rows, narrow = [], []
    for weight, state in states.items():
        engines = ", ".join(engines_that_need(weight.name))
        purpose = f"{weight.purpose} ({engines})" if engines else weight.purpose
        size, path = sizes.in_words(_facts(store, weight, state)["bytes"]), str(store.path(weight))
        rows.append([weight.name, purpose, size, state, weight.licence.title, path])
        narrow += [f"{weight.name}: {state}, {size}", f"  {purpose}", f"  {weight.licence.title}", f"  {path}"]
    columns = ("name", "for", "size", "state", "licence", "path")
    console.table(columns, rows, words=("name", "for", "state", "licence"), narrow=narrow)
    for weight, state in states.items():
        if state in ("unrecorded", "unreadable") and (problem := store.problem(weight)):
            console.warning(f"{problem.message} {problem.hint}")
    return 0


def download(console: Console, store: Store, weights: Sequence[Weight], *, agreed: bool) -> int:
    """Fetch what is not stored of ``weights``, after their size and terms were shown and agreed to."""
    states = _states(console, store, weights)
    lacking = tuple(weight for weight, state in states.items() if state in _TO_FETCH)
    consent = Consent()
    consent.forget_declined({engine for weight in weights for engine in engines_that_need(weight.name)})
    if lacking:
        check_folder(store.folder)
        check_room(store, lacking)
        _announce(console, store, {weight: states[weight] for weight in lacking})
        _agree(console, consent, lacking, agreed=agreed)
    work = _Work(console, store)
    hosts = Hosts()
    with displayer(console)(lacking) as watcher:
        for weight in weights:
            if weight in lacking:
                work.do("fetched", weight, partial(fetch, weight, store, watcher, hosts))
            elif states[weight] not in USABLE:
                work.do("present", weight, partial(store.require, weight))
            else:
                work.present("present", weight, states[weight])
    if USABLE.issuperset(states.values()):
        console.done(f'nothing to fetch: all of it is stored in "{store.folder}".')
    return work.end("fetched")


def verify(console: Console, store: Store, weights: Sequence[Weight]) -> int:
    """Read what is stored of ``weights``, or all that is stored, and set aside what is damaged."""
    chosen = weights or tuple(weight for weight in store.catalog.weights if store.state(weight) != "missing")
    work = _Work(console, store)
    for weight in chosen:
        work.do("verified", weight, partial(_verify, console, store, weight))
    if not chosen:
        console.done(f'nothing is stored in "{store.folder}".')
    return work.end("found whole")


def import_files(console: Console, store: Store, files: Sequence[Path], unverified: Weight | None) -> int:
    """Store copies of files, each recognised by its content, or taken for ``unverified``."""
    work = _Work(console, store)
    for file in files:
        began = monotonic()
        try:
            with in_words(), console.busy(f"importing {file.name}"):
                weights = import_file(store, file, unverified, Lines(console))
                states = {weight: store.state(weight) for weight in weights}
        except FaceFusionError as error:
            work.failed(error, str(file), imported_from=str(file))
        else:
            for weight, state in states.items():
                if state == "unverified":
                    console.done(f"{weight.name}: taken on your word (unverified), for its SHA-256 is not known.")
                work.present("imported", weight, state, monotonic() - began, imported_from=str(file))
    return work.end("imported")


def remove(console: Console, store: Store, weights: Sequence[Weight], *, agreed: bool) -> int:
    """Delete ``weights`` from the store."""
    if not agreed and console.can_ask:
        names = ", ".join(weight.name for weight in weights)
        if not console.ask(f'Remove {names} from "{store.folder}"?'):
            raise FaceFusionError("nothing was removed.")

    def delete(weight: Weight) -> None:
        removed = store.remove(weight, Lines(console))
        console.done(f"{weight.name}: {'removed' if removed else 'was not there'}")

    work = _Work(console, store)
    for weight in weights:
        work.do("removed", weight, partial(delete, weight))
    return work.end("removed")


class _Work:
    """Goes through weights one by one: what fails is told and does not stop the others."""

    def __init__(self, console: Console, store: Store) -> None:
        self._console = console
        self._store = store
        self._count = 0
        self._failures: list[str] = []
        self._exit_code = 0

    def do(self, action: str, weight: Weight, work: Callable[[], object]) -> None:
        """Work on a weight and tell what became of it."""
        began = monotonic()
        try:
            with in_words():
                work()
                state = self._store.state(weight)
        except FaceFusionError as error:
            self.failed(error, weight.name, name=weight.name)
        else:
            self.present(action, weight, state, monotonic() - began)

    def present(self, action: str, weight: Weight, state: State, seconds: float = 0.0, **fields: str) -> None:
        """Tell what a weight is now."""
        self._count += 1
        if state in USABLE:
            self._console.path(self._store.path(weight))
        facts = _facts(self._store, weight, state)
        self._console.record(ok=True, **facts, action=action, seconds=round(seconds, 3), **fields)

    def failed(self, error: FaceFusionError, what: str, **fields: str) -> None:
        """Tell what went wrong."""
        self._count += 1
        self._failures.append(what)
        self._exit_code = max(self._exit_code, error.exit_code)
        self._console.failure(error, **fields)

    def end(self, done: str) -> int:
        """The exit code, after a word on what failed of several."""
        if self._failures and self._count > 1:
            names = ", ".join(self._failures)
            self._console.error(f"{len(self._failures)} of {self._count} could not be {done}: {names}.")
        return self._exit_code


def _states(console: Console, store: Store, weights: Sequence[Weight]) -> dict[Weight, State]:
    with console.busy("looking at what is stored"):
        return {weight: store.state(weight) for weight in weights}


def _facts(store: Store, weight: Weight, state: State) -> dict[str, Any]:
    size, sha256 = weight.bytes, weight.sha256
    if state == "unverified":  # another file than the one that was published
        size, sha256 = store.path(weight).stat().st_size, store.sha256(weight)
    return {
        "name": weight.name,
        "file": weight.file,
        "path": str(store.path(weight)),
        "bytes": size,
        "sha256": sha256,
        "state": state,
    }


def _verify(console: Console, store: Store, weight: Weight) -> None:
    watcher = Lines(console)
    with console.busy(f"checking {weight.name}"):
        state = store.verify(weight, watcher)
    if state != "damaged":
        store.require(weight)
        return
    path, aside = store.path(weight), None
    with suppress(WeightsError), store.locked(weight, watcher):  # where nothing can be written it has to stay as it is
        if store.state(weight) != "damaged":  # another process has fetched it again
            return
        aside = store.set_aside(weight)
    moved = "" if aside is None else f' and was set aside as "{aside.name}"'
    raise WeightsDamagedError(
        f'"{path}" is damaged{moved}.', hint=f"{download_command(store.folder, weight.name)} fetches it again."
    )


def _announce(console: Console, store: Store, lacking: dict[Weight, State]) -> None:
    console.done(f'To fetch into "{store.folder}", where {sizes.in_words(free_bytes(store.folder))} are free:')
    left = {weight: weight.bytes - already_fetched(store, weight) for weight in lacking}
    width = max(len(weight.name) for weight in lacking)
    for weight, state in lacking.items():
        more = _TO_FETCH[state]
        if left[weight] < weight.bytes:
            more += f"  (of {sizes.in_words(weight.bytes)}; the rest is here)"
        console.done(f"  {weight.name:{width}}  {sizes.in_words(left[weight]):>8}{more}")
    if len(lacking) > 1:
        console.done(f"  {'total':{width}}  {sizes.in_words(sum(left.values())):>8}")


def _agree(console: Console, consent: Consent, weights: Sequence[Weight], *, agreed: bool) -> None:
    licences = licences_of(weights)
    if consent.accepted(licences):
        return
    show_licences(console, licences)
    if not agreed and console.can_ask:
        agreed = console.ask("Fetch them?")
        if not agreed:
            raise FaceFusionError("nothing was fetched.")
    # Without a terminal nobody has read them.
    if agreed and not consent.accept(licences):
        console.detail(f'the answer cannot be kept in "{consent.file}".')
