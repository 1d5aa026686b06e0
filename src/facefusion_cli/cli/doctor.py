"""``facefusion doctor``: what this installation has, and whether it works."""

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from facefusion_cli.cli.console import Console
from facefusion_cli.cli.device_options import DeviceOption, ModelsDirOption, PrecisionOption, ThreadsOption
from facefusion_cli.core.failures import in_words
from facefusion_cli.errors import FaceFusionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefusion_cli.core.device import PrecisionWish
    from facefusion_cli.core.diagnosis.report import Fact, Section

__all__ = ["EXAMPLES", "doctor"]

EXAMPLES = """\
Examples:
$ facefusion doctor
$ facefusion doctor --device cuda
$ facefusion doctor --json
"""


def doctor(
    context: typer.Context,
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    models_dir: ModelsDirOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object with all of it.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say more about errors.")] = False,
) -> int:
    """Examine this installation: versions, devices, networks, ffmpeg, weights, disks.

    Everything is tried, not only looked up; a stored network only the first time. Nothing is downloaded.

    The exit code is 0 if the engines at hand can run, else that of the first problem: 1, 4 for weights, 5 for a device.
    """
    console: Console = context.obj
    console.json, console.verbose = json, verbose
    try:
        with in_words():
            from facefusion_cli.core.diagnosis.examine import examine

            examination = examine(device, cast("PrecisionWish", precision), threads, models_dir)
            sections: list[Section] = []
            while True:
                with console.busy("examining"):
                    section = next(examination, None)
                if section is None:
                    break
                sections.append(section)
                if not json:
                    console.section(section.title, [(fact.state, fact.name, _words(fact)) for fact in section.facts])
    except FaceFusionError as error:
        console.failure(error)
        return error.exit_code
    return _conclude(console, sections)


def _words(fact: "Fact") -> str:
    return f"{fact.text} {fact.hint}".rstrip()


def _conclude(console: Console, sections: "Sequence[Section]") -> int:
    problems = [(section, fact) for section in sections for fact in section.problems]
    exit_code = problems[0][1].exit_code if problems else 0
    if not console.json:
        names = ", ".join(dict.fromkeys(fact.name for _, fact in problems))
        verdict = f"What needs to be put right: {names}." if problems else "Everything needed works."
        console.section(verdict, [])
    console.record(
        ok=not problems,
        exit_code=exit_code,
        problems=[_described(fact) | {"section": section.key, "name": fact.name} for section, fact in problems],
        **{section.key: {fact.name: _described(fact) for fact in section.facts} for section in sections},
    )
    return exit_code


def _described(fact: "Fact") -> dict[str, Any]:
    described: dict[str, Any] = {"state": fact.state, "text": fact.text, **fact.data}
    if fact.hint:
        described["hint"] = fact.hint
    if fact.state == "problem":
        described |= {"code": fact.code, "exit_code": fact.exit_code}
    return described
