"""What a run would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from facefusion_cli.cli.console import Console
    from facefusion_cli.core.batch.plan import Action, Planned

__all__ = ["show_plan"]

_WORDS: dict[Action, str] = {
    "make": "make",
    "replace": "replace",
    "skip": "skip (done before)",
    "refuse": "refuse (exists)",
}


def show_plan(console: Console, plan: Iterable[Planned]) -> None:
    """List what would happen: a line for each target, or with --json an object; also what would go wrong."""
    for one in plan:
        output = one.output
        fields = {
            "target": str(output.target),
            **({} if output.sound is None else {"audio": str(output.sound)}),
            "output": str(output.path),
            "kind": output.kind,
            "action": one.action,
        }
        if one.error is not None:
            console.failure(one.error, **fields)
            continue
        console.line(f"{' + '.join(map(str, output.inputs))} -> {output.path}  {_WORDS[one.action]}")
        console.record(ok=one.action != "refuse", **fields)
