"""Weights and their state, the engines they make ready, and room on the disks."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from facefusion_cli.core.diagnosis.report import Fact
from facefusion_cli.core.faceswap.engine import ENGINES
from facefusion_cli.core.home import home_folder, state_folder
from facefusion_cli.core.sizes import in_words
from facefusion_cli.core.weights.needs import DEFAULT_ENGINES, ENGINE_WEIGHTS, engines_that_need
from facefusion_cli.core.weights.room import check_no_file, check_room, existing
from facefusion_cli.core.weights.store import USABLE
from facefusion_cli.errors import DownloadError, FaceFusionError, WeightsError

if TYPE_CHECKING:
    from facefusion_cli.core.weights.catalog import Weight
    from facefusion_cli.core.weights.store import Store

__all__ = ["disks", "engines", "is_stored", "paths", "weights"]


def weights(store: Store) -> list[Fact]:
    """Every weight of the catalog: whether it is stored and whole; and what the best engines still need."""
    try:
        check_no_file(store.folder)
    except WeightsError as error:
        return [Fact.problem("models", error)]
    facts = [_weight(store, weight) for weight in store.catalog.weights]
    wanted = [name for engine in DEFAULT_ENGINES for name in ENGINE_WEIGHTS[engine]]
    missing = [weight for name in wanted if store.state(weight := store.catalog.weight(name)) == "missing"]
    if missing:
        names, size = [weight.name for weight in missing], in_words(sum(weight.bytes for weight in missing))
        text = f"the best engines still need {', '.join(names)} ({size})."
        facts.append(Fact("to fetch", text, "note", {"weights": names}, 'Run "facefusion download-models".'))
        try:
            check_room(store, missing)
        except DownloadError as error:
            facts.append(Fact("room", error.message, "note", hint=error.hint))
    return facts


def is_stored(store: Store, weight: Weight) -> bool:
    """Whether an engine could use it."""
    return store.state(weight) in USABLE


def _weight(store: Store, weight: Weight) -> Fact:
    path = store.path(weight)
    state = store.state(weight)
    data = {
        "bytes": weight.bytes,
        "path": str(path),
        "engines": list(engines_that_need(weight.name)),
        "stored": state,
    }
    if state != "missing" and (problem := store.problem(weight)):
        return Fact.problem(weight.name, problem, **data)
    size = in_words(weight.bytes)
    if state == "missing":
        return Fact(weight.name, f"not stored; {weight.purpose}, {size}", "info", data)
    verified = "whole" if state == "stored" else "brought by hand, its SHA-256 is unknown"
    return Fact(weight.name, f"{path}, {verified}", "ok" if state == "stored" else "note", data)


def engines(store: Store) -> list[Fact]:
    """Every face swapping engine: ready, or what it lacks."""
    return [_engine(store, entry.name) for entry in ENGINES]


def _engine(store: Store, name: str) -> Fact:
    needs = [store.catalog.weight(weight) for weight in ENGINE_WEIGHTS.get(name, ())]
    lacking = [weight.name for weight in needs if not is_stored(store, weight)]
    data = {"ready": not lacking, "needs": [weight.name for weight in needs], "lacks": lacking}
    if not lacking:
        return Fact(name, "ready", "ok", data)
    hint = f'Run "facefusion download-models {name}".'
    return Fact(name, f"not ready: it lacks the weights {', '.join(lacking)}.", "note", data, hint)


def disks(store: Store) -> list[Fact]:
    """Free room where weights, state and temporary files go."""
    facts = [_disk("models", store.folder), _disk("home", home_folder())]
    try:
        facts.append(_disk("temporary", Path(tempfile.gettempdir())))
    except FileNotFoundError:
        error = FaceFusionError("no folder for temporary files can be written to.", hint="Let TMPDIR name one.")
        facts.append(Fact.problem("temporary", error))
    return facts


def _disk(name: str, folder: Path) -> Fact:
    """Room in a folder that may not exist yet: that of the nearest one above it."""
    found = existing(folder)
    data = {"path": str(folder), "exists": found == folder}
    try:
        free = shutil.disk_usage(found).free
    except OSError as error:
        return Fact(name, f'not known for "{found}": {error.strerror}.', "note", data)
    data |= {"free": free, "writable": os.access(found, os.W_OK)}
    if not data["writable"]:
        hint = "Let FACEFUSION_HOME or --models-dir name a folder that can be written to."
        return Fact(name, f'{in_words(free)}, but "{found}" cannot be written to.', "note", data, hint)
    return Fact(name, in_words(free), "info", data)


def paths(store: Store) -> list[Fact]:
    """Where everything is."""
    package = Path(__file__).parents[2]
    places = {
        "home": home_folder(),
        "models": store.folder,
        "state": state_folder(),
        "package": package,
        "Python": Path(sys.executable),
    }
    return [
        Fact(name, f"{path}" + ("" if existing(path) == path else " (not there yet)"), "info", {"path": str(path)})
        for name, path in places.items()
    ]
