"""What a result says about itself.

The words are those of IPTC: the property Digital Source Type and its vocabulary, and AI System Used (IPTC Photo
Metadata Standard 2025.1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["NOTHING_SAID", "SCHEME", "TOOL", "Mark", "Said", "statement"]

SCHEME = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TOOL = "facefusion-cli"

_EDITED_BY_NETWORK = "compositeWithTrainedAlgorithmicMedia"
"""Parts were made by generative AI, as by inpainting."""
_WITH_SYNTHETIC = "compositeSynthetic"
"""A mix of elements of which at least one is generative AI."""
_COMPOSITE = "composite"
"""A mix of elements, any of which may or may not be generative AI."""
_GENERATED = frozenset({"trainedAlgorithmicMedia", _EDITED_BY_NETWORK, _WITH_SYNTHETIC})
_SYNTHETIC = _GENERATED | {_COMPOSITE, "algorithmicMedia", "dataDrivenMedia"}
_OURS = re.compile(rf"{TOOL} (\S+)(?: \(([\w.-]+)\))?")


@dataclass(frozen=True, slots=True)
class Said:
    """What a file says about how it was made; "" for what it does not say."""

    source_type: str = ""
    """The whole address, as the property has it."""
    tool: str = ""
    """The program and its version."""
    model: str = ""
    """What made the synthetic part."""
    date: str = ""
    """When, as ISO 8601 has it."""
    engine: str = ""
    """Of this program."""

    @property
    def term(self) -> str:
        """The source type without the address of its vocabulary."""
        return self.source_type.rstrip("/").rpartition("/")[2]

    @property
    def is_synthetic(self) -> bool:
        """Whether this says that the file does not show simply what was in front of a camera."""
        return self.term in _SYNTHETIC

    @property
    def is_generated(self) -> bool:
        """Whether this says that generative AI had a part in it."""
        return self.term in _GENERATED

    @property
    def creator_tool(self) -> str:
        """The program with its engine, as one line."""
        return f"{self.tool} ({self.engine})" if self.engine else self.tool

    @classmethod
    def by(cls, creator_tool: str, **others: str) -> Said:
        """The reverse of ``creator_tool``; engines are told of this program only."""
        ours = _OURS.fullmatch(creator_tool)
        if ours is None:
            return cls(tool=creator_tool, **others)
        return cls(tool=f"{TOOL} {ours[1]}", engine=ours[2] or "", **others)


NOTHING_SAID = Said()


@dataclass(frozen=True, slots=True)
class Mark:
    """Who made a result."""

    engine: str
    generator: str = ""
    """The trained network whose pixels are in it; "" where none made any.

    Then pixels of pictures are moved, mixed and shaded by rules. Networks only find the faces.
    """

    def said(self, before: Said = NOTHING_SAID) -> Said:
        """What the result says; ``before`` is what the target says.

        Without a generator it is a composite, of whose elements nobody knows where they come from; "compositeCapture"
        would claim that all were taken by cameras. Of a target that says that it is synthetic it says so too.
        """
        from facefusion_cli import __version__

        unknown = _WITH_SYNTHETIC if before.is_generated else _COMPOSITE
        term = _EDITED_BY_NETWORK if self.generator else unknown
        return Said(SCHEME + term, f"{TOOL} {__version__}", self.generator, engine=self.engine)


def statement(mark: Mark | None, before: Said) -> Said:
    """What a result says: what ``mark`` is, else what its target says if that is that it is synthetic.

    Of any other target it would be true no more.
    """
    if mark is not None:
        return mark.said(before)
    return before if before.is_synthetic else NOTHING_SAID
