"""What an engine does about weights that it needs and that are not stored, decided once per run.

A named engine fetches them, for it was asked for. Where the best engine is to be chosen nothing is fetched unasked: who
can be asked is asked once, and the answer is remembered.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from facefusion_cli.core.home import models_folder
from facefusion_cli.core.weights.catalog import Weight, catalog
from facefusion_cli.core.weights.command import download_command
from facefusion_cli.core.weights.consent import Consent
from facefusion_cli.core.weights.fetch import fetch
from facefusion_cli.core.weights.needs import ENGINE_WEIGHTS
from facefusion_cli.core.weights.reach import Hosts
from facefusion_cli.core.weights.room import already_fetched, check_room
from facefusion_cli.core.weights.store import USABLE, Store
from facefusion_cli.core.weights.watcher import SILENT, Watcher
from facefusion_cli.errors import WeightsError, WeightsMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Licence
    from facefusion_cli.core.weights.store import State

    Display = Callable[[Sequence[Weight]], AbstractContextManager[Watcher]]

__all__ = ["Offer", "Provision", "licences_of"]

_PROBLEMS: dict[State, str] = {
    "damaged": "are damaged",
    "unrecorded": "cannot be verified",
    "unreadable": "cannot be read",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """What somebody is asked who could have a better engine."""

    engine: str
    weights: tuple[Weight, ...]
    """Those that are missing."""
    bytes: int
    """To be downloaded."""
    licences: tuple[Licence, ...]


def licences_of(weights: Iterable[Weight]) -> tuple[Licence, ...]:
    """Their licences, each once."""
    return tuple(dict.fromkeys(weight.licence for weight in weights))


def _undisplayed(_weights: Sequence[Weight]) -> AbstractContextManager[Watcher]:
    return nullcontext(SILENT)


class Provision:
    """Sees to the weights of engines during one run."""

    def __init__(
        self,
        store: Store | None = None,
        *,
        models_dir: Path | None = None,
        ask: Callable[[Offer], bool] | None = None,
        display: Display = _undisplayed,
        consent: Consent | None = None,
    ) -> None:
        """``store``: None for the one in ``models_dir``, or in the usual place.

        ``ask`` puts an offer to the user, None where there is nobody to ask.

        ``display`` is entered around the fetching of the weights it is given, and watches it.
        """
        self._given_store = store
        self._models_dir = models_dir
        self._ask = ask
        self._display = display
        self._given_consent = consent
        self._offered: dict[str, bool] = {}

    # Made when they are needed: an engine without weights runs where there is no place for any.

    @cached_property
    def _store(self) -> Store:
        return self._given_store or Store(models_folder(self._models_dir), catalog())

    @cached_property
    def _consent(self) -> Consent:
        return self._given_consent or Consent()

    def ready(self, engine: str) -> bool:
        """Whether all weights that the engine needs are stored; cheap."""
        return not self._lacking(engine)

    def require(self, engine: str) -> None:
        """Fetch what a named engine lacks; what is damaged is set aside and fetched again.

        Raises:
            DownloadError: a weight cannot be fetched.
            WeightsError: it cannot be stored.
        """
        weights = tuple(self._lacking(engine))
        if not weights:
            return
        with self._display(weights) as watcher:
            licences = licences_of(weights)
            if not self._consent.accepted(licences):
                terms = "; ".join(f"{licence.title} ({licence.url})" for licence in licences)
                watcher.note(f"the weights of the {engine} engine are for non-commercial use only: {terms}.")
            self._fetch(weights, watcher)

    def offer(self, engine: str) -> bool:
        """Whether the best engine can run, after asking to fetch what it lacks if there is somebody to ask.

        Nothing is asked that was declined before, and nothing is fetched where a stored file cannot be used.
        A fetch that fails is noted.
        """
        if engine not in self._offered:
            self._offered[engine] = self._decide(engine)
        return self._offered[engine]

    def stored(self, weight: str) -> tuple[Path, str]:
        """Path and SHA-256 of a weight by its name in the catalog.

        Raises:
            WeightsMissingError, WeightsDamagedError.
            WeightsError: it cannot be read.
        """
        entry = self._store.catalog.weight(weight)
        return self._store.require(entry), self._store.sha256(entry)

    def lacking_error(self, engine: str, purpose: str) -> WeightsMissingError:
        """The error for an engine that only will do and cannot be had; ``purpose`` as in "the option --map needs"."""
        return WeightsMissingError(
            f"{purpose} the {engine} engine, whose weights are not all stored.",
            hint=f"{download_command(self._store.folder, engine)} fetches them.",
        )

    def fallback_note(self, engine: str, instead: str) -> str:
        """The sentence that says why another engine than the best one is used, and how to get that one."""
        problems = {weight: state for weight, state in self._lacking(engine).items() if state != "missing"}
        if problems:
            names = ", ".join(f'"{self._store.path(weight)}"' for weight in problems)
            words = " or ".join(dict.fromkeys(_PROBLEMS[state] for state in problems.values()))
            remedy = "tells more" if "unreadable" in problems.values() else "fetches them again"
            why = f"weights of the {engine} engine {words} ({names})"
        else:
            why, remedy = f"the weights of the better {engine} engine are not stored", "fetches them"
        command = download_command(self._store.folder, engine)
        return f"the {instead} engine is used, because {why}; {command} {remedy}."

    def _lacking(self, engine: str) -> dict[Weight, State]:
        weights = (self._store.catalog.weight(name) for name in ENGINE_WEIGHTS.get(engine, ()))
        states = {weight: self._store.state(weight) for weight in weights}
        return {weight: state for weight, state in states.items() if state not in USABLE}

    def _decide(self, engine: str) -> bool:
        lacking = self._lacking(engine)
        if not lacking:
            return True
        if {*lacking.values()} != {"missing"} or self._ask is None or self._consent.declined(engine):
            return False
        weights = tuple(lacking)
        size = sum(weight.bytes - already_fetched(self._store, weight) for weight in weights)
        offer = Offer(engine, weights, size, licences_of(weights))
        accepted = self._ask(offer)
        kept = self._consent.accept(offer.licences) if accepted else self._consent.decline(engine)
        with self._display(weights if accepted else ()) as watcher:
            if not kept:
                watcher.note(f'the answer cannot be kept in "{self._consent.file}".')
            if accepted:
                try:
                    self._fetch(weights, watcher)
                except WeightsError as error:
                    watcher.note(f"{error.message} {error.hint}".rstrip())
                    return False
        return accepted

    def _fetch(self, weights: tuple[Weight, ...], watcher: Watcher) -> None:
        check_room(self._store, weights)
        hosts = Hosts()
        for weight in weights:
            fetch(weight, self._store, watcher, hosts)
