"""Which engine does which kind of work, as whoever starts the service wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.faceswap import engine as swapping
from facefusion_cli.core.lipsync import engine as speaking
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefusion_cli.api.orders import OrderKind

__all__ = ["check_names", "engine_for"]


def check_names(names: Sequence[str]) -> None:
    """Raise UsageError if one of them is no engine's, or two of them exclude each other."""
    known = dict.fromkeys((*swapping.engine_names(), *speaking.engine_names()))
    for name in names:
        if name not in known:
            raise UsageError(f'there is no engine "{name}".', hint=f"Choose among: {', '.join(known)}.")
    kinds: tuple[OrderKind, ...] = ("faceswap", "lipsync")
    for kind in kinds:
        engine_for(kind, names)


def engine_for(kind: OrderKind, names: Sequence[str]) -> str:
    """Which of the engines asked for by name does orders of that kind; "auto" if none does.

    Raises:
        UsageError: several do.
    """
    table = swapping.ENGINES if kind == "faceswap" else speaking.ENGINES
    known = {entry.name for entry in table}
    mine = [name for name in dict.fromkeys(names) if name in known]
    if len(mine) > 1:
        raise UsageError(f"the engines {' and '.join(mine)} do the same.", hint="Choose one of them.")
    return mine[0] if mine else "auto"
