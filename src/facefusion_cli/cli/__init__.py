"""The command ``facefusion``: parses, calls ``core``, presents."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with ``argv`` (without the program's name; None: the process's own) and return its exit code."""
    from facefusion_cli.cli.signals import leave_behind, stoppable

    with stoppable() as received:  # before the slower imports, so that Ctrl-C is quiet from the start
        with received.heeded():
            from facefusion_cli.cli.app import run

        code = run(argv, received)
        leave_behind(code)
        return code
