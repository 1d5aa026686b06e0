"""Which weights there are, and how each file is known: by its size and SHA-256, never by its name alone.

``catalog.toml`` beside this module holds the facts.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "Archive",
    "Catalog",
    "Form",
    "HubSource",
    "Licence",
    "Lookalike",
    "Source",
    "UrlSource",
    "Weight",
    "catalog",
    "parse_catalog",
]

Form = Literal["onnx", "wav2lip"]
"""What the file holds: an ONNX graph, or a Wav2Lip checkpoint (a pickle, stored as safetensors)."""


@dataclass(frozen=True, slots=True)
class HubSource:
    """A file in a repository of the Hugging Face hub."""

    repo_id: str
    path: str
    revision: str | None = None
    """Commit; None where none is known and the default branch has to do."""
    repo_type: Literal["model", "dataset"] = "model"


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A file on a web server."""

    url: str


Source = HubSource | UrlSource


@dataclass(frozen=True, slots=True)
class Licence:
    """The terms of a file."""

    key: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip file that holds weights; its other members are left alone."""

    name: str
    file: str
    bytes: int
    sha256: str
    sources: tuple[Source, ...]
    members: Mapping[str, str]
    """Weight's name by the member that holds it."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A file of weights as it is published."""

    name: str
    file: str
    bytes: int
    sha256: str
    purpose: str
    licence: Licence
    form: Form
    sources: tuple[Source, ...]
    """In order of preference; archives that hold the file come after them."""
    inputs: tuple[tuple[int, ...], ...] = ()
    """Of an ONNX graph that can serve as the weight: the shape of each input in order, 0 where any size will do."""
    outputs: int = 0
    """And the number of its outputs; looked at only where a file's SHA-256 is unknown."""

    @property
    def stored_file(self) -> str:
        """Name of the file in the store: a checkpoint is not kept as the pickle it was published as."""
        return self.file if self.form == "onnx" else f"{self.name}.safetensors"


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A file that goes about under a weight's name and is another."""

    sha256: str
    of: str
    """The weight's name."""
    title: str
    """What it is, for a sentence: "an older re-export of ..."."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """All weights, in the order they are listed."""

    weights: tuple[Weight, ...]
    archives: tuple[Archive, ...]
    lookalikes: tuple[Lookalike, ...] = ()

    def weight(self, name: str) -> Weight:
        """The weight of that name.

        Raises:
            UsageError: there is none.
        """
        for weight in self.weights:
            if weight.name == name:
                return weight
        names = ", ".join(weight.name for weight in self.weights)
        raise UsageError(f'there are no weights "{name}".', hint=f"Choose among: {names}.")

    def archives_of(self, weight: Weight) -> tuple[Archive, ...]:
        """Archives that hold the weight."""
        return tuple(archive for archive in self.archives if weight.name in archive.members.values())

    def identify(self, sha256: str) -> Weight | Archive | None:
        """What a file of that SHA-256 is."""
        files: Iterable[Weight | Archive] = (*self.weights, *self.archives)
        return next((file for file in files if file.sha256 == sha256), None)


@cache
def catalog() -> Catalog:
    """The project's own catalog."""
    return parse_catalog(
        resources.files("facefusion_cli.core.weights").joinpath("catalog.toml").read_text(encoding="utf-8")
    )


def parse_catalog(text: str) -> Catalog:
    """The catalog that a TOML text lays down, as ``catalog.toml`` does."""
    tables = tomllib.loads(text)
    licences = {key: Licence(key, **table) for key, table in tables["licences"].items()}
    return Catalog(
        weights=tuple(
            Weight(
                name=name,
                **{
                    **table,
                    "licence": licences[table["licence"]],
                    "sources": _sources(table["sources"]),
                    "inputs": tuple(map(tuple, table.get("inputs", ()))),
                },
            )
            for name, table in tables["weights"].items()
        ),
        archives=tuple(
            Archive(name=name, **{**table, "sources": _sources(table["sources"])})
            for name, table in tables.get("archives", {}).items()
        ),
        lookalikes=tuple(Lookalike(**table) for table in tables.get("lookalikes", [])),
    )


def _sources(tables: list[dict[str, Any]]) -> tuple[Source, ...]:
    return tuple(UrlSource(**table) if "url" in table else HubSource(**table) for table in tables)
