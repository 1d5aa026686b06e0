"""What the user has answered: licences accepted, offers declined."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from facefusion_cli.core.home import state_folder
from facefusion_cli.core.small_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Licence

__all__ = ["Consent"]


class Consent:
    """The answers kept in a file, read anew each time; one that cannot be read holds none.

    What changes them says whether that could be kept; where it could not, the user will be asked again.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = state_folder() / "consent.json" if file is None else file

    def accepted(self, licences: Iterable[Licence]) -> bool:
        """Whether all of these terms were accepted."""
        return {licence.key for licence in licences} <= self._read("accepted")

    def accept(self, licences: Iterable[Licence]) -> bool:
        """Remember that these terms were accepted."""
        accepted = self._read("accepted")
        return self._write(accepted | {licence.key for licence in licences}, self._read("declined"))

    def declined(self, engine: str) -> bool:
        """Whether the offer to fetch the engine's weights was declined."""
        return engine in self._read("declined")

    def decline(self, engine: str) -> bool:
        """Remember that the offer to fetch the engine's weights was declined."""
        return self._write(self._read("accepted"), self._read("declined") | {engine})

    def forget_declined(self, engines: Iterable[str]) -> bool:
        """Offer these engines' weights again."""
        return self._write(self._read("accepted"), self._read("declined").difference(engines))

    def _read(self, answer: str) -> set[str]:
        try:
            answers = json.loads(self.file.read_text(encoding="utf-8"))[answer]
        except (OSError, ValueError, TypeError, LookupError):
            return set()
        return {name for name in answers if isinstance(name, str)} if isinstance(answers, list) else set()

    def _write(self, accepted: set[str], declined: set[str]) -> bool:
        if (accepted, declined) == (self._read("accepted"), self._read("declined")):
            return True
        answers = {"accepted": sorted(accepted), "declined": sorted(declined)}
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.file, json.dumps(answers).encode("ascii") + b"\n")
        except OSError:
            return False
        return True
