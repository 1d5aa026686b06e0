"""What is said once, when the command is used for the first time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facefusion_cli.cli.console import Console

__all__ = ["NOTICE", "tell_once"]

NOTICE = (
    "facefusion makes pictures and videos of people that were never taken. Use it only with the consent of those who"
    " are seen and heard, and do not pass off what it makes as real: each result is marked as synthetic, and"
    " pornography is refused. (This is said once.)"
)


def tell_once(console: Console) -> None:
    """Say it at the first use; with ``--quiet`` nothing is said, and the next use counts as the first."""
    from facefusion_cli.core.first_use import is_first_use

    if not console.quiet and is_first_use():
        console.notice(NOTICE)
