"""What a fact is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from facefusion_cli.errors import FaceFusionError

__all__ = ["Fact", "Section", "State"]

State = Literal["info", "ok", "note", "problem"]
"""info: just so; ok: tried, and it works; note: could be better; problem: something needed does not work."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something found out, in words and as data."""

    name: str
    text: str
    """One line; a sentence where it is a note or a problem."""
    state: State = "info"
    data: Mapping[str, Any] = field(default_factory=dict)
    """The same for programs: what JSON can hold."""
    hint: str = ""
    """What to do about a note or a problem."""
    code: str = ""
    """Of a problem, for programs."""
    exit_code: int = 0
    """Of a problem."""

    @classmethod
    def problem(cls, name: str, error: FaceFusionError, **data: Any) -> Fact:
        """Something needed does not work; the error says what and why."""
        return cls(name, error.message, "problem", data, error.hint, error.code, error.exit_code)


@dataclass(frozen=True, slots=True)
class Section:
    """Facts about one thing."""

    key: str
    """For programs."""
    title: str
    facts: tuple[Fact, ...]

    @property
    def problems(self) -> tuple[Fact, ...]:
        """Those of its facts that are problems."""
        return tuple(fact for fact in self.facts if fact.state == "problem")
