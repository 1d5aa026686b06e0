"""``facefusion inspect``: what files say about themselves."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facefusion_cli.core.failures import in_words
from facefusion_cli.errors import FaceFusionError

if TYPE_CHECKING:
    from facefusion_cli.cli.console import Console
    from facefusion_cli.core.media.marking.inspection import Inspection

__all__ = ["EXAMPLES", "inspect"]

EXAMPLES = """\
Examples:
$ facefusion inspect party_swapped.jpg
$ facefusion inspect --json swapped/*.jpg
"""

_INSTALL = 'Install what checks it: pip install "facefusion-cli[c2pa]"'
_TERMS = {
    "trainedAlgorithmicMedia": "made by generative AI",
    "compositeWithTrainedAlgorithmicMedia": "edited with generative AI",
    "compositeSynthetic": "put together from parts, some of them made by generative AI",
    "composite": "put together from several parts",
    "algorithmicMedia": "made by an algorithm",
    "dataDrivenMedia": "made from data",
}
_STATES = {
    "none": ("info", "none"),
    "trusted": ("ok", "valid, by your own key"),
    "valid": ("ok", "valid, by a certificate that nobody here vouches for"),
    "tampered": ("problem", "tampered with: the file is not what was signed"),
    "invalid": ("problem", "not valid"),
    "unchecked": ("note", "there is one, which cannot be checked."),
}


def inspect(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Picture or video, or several.", show_default=False, readable=False),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line for each FILE.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say more, also about errors.")] = False,
) -> int:
    """Show whether FILE says that it is synthetic, by what it was made, and whether its signature is good.

    The exit code is 0 if every FILE is marked as synthetic and nothing speaks against it; 1 if one is not; 2 if one is
    signed and that cannot be checked here. A file without a mark may be synthetic all the same.
    """
    console: Console = context.obj
    console.json, console.verbose = json, verbose
    worst = 0
    from facefusion_cli.core.media.marking.inspection import inspect_file

    for path in files:
        try:
            with in_words():
                found = inspect_file(path)
        except FaceFusionError as error:
            console.failure(error, file=str(path))
            worst = max(worst, error.exit_code)
        else:
            worst = max(worst, _show(console, found))
    return worst


def _show(console: "Console", found: "Inspection") -> int:
    """Say what was found; the exit code that it asks for."""
    code = 2 if found.state == "unchecked" else 0 if found.marked and found.intact else 1
    said = found.said
    facts = [_of_mark(found)]
    facts += [("info", name, text) for name, text in _about(found) if text]
    state, words = _STATES[found.state]
    by = f" ({found.signer})" if found.signer else ""
    why = f": {found.reason}" if found.reason else ""
    hint = f" {_INSTALL}" if found.state == "unchecked" else ""
    facts.append((state, "signature", f"{words}{by}{why}{hint}"))
    if not console.json:
        console.section(str(found.path), facts)
    console.record(
        ok=code == 0,
        exit_code=code,
        file=str(found.path),
        marked=found.marked,
        intact=found.intact,
        source_type=said.term or None,
        tool=said.tool or None,
        engine=said.engine or None,
        model=said.model or None,
        date=said.date or None,
        metadata=found.in_metadata,
        c2pa={"state": found.state, "signer": found.signer or None, "reason": found.reason or None},
        hint=hint.strip(),
    )
    return code


def _of_mark(found: "Inspection") -> tuple[str, str, str]:
    term = found.said.term
    if not term:
        return "note", "mark", "none: it does not say whether it is synthetic"
    if not found.marked:
        return "note", "mark", f"{term}: not synthetic, as it says"
    return "ok", "mark", f"{_TERMS.get(term, 'synthetic')} ({term})"


def _about(found: "Inspection") -> tuple[tuple[str, str], ...]:
    said = found.said
    return ("tool", said.tool), ("engine", said.engine), ("model", said.model), ("date", said.date)
