"""Write docs/cli.md, the reference of the command line, from the command's own help.

``typer utils docs`` does the like, but cuts summaries short, runs the lines of examples into one another, and leaves
out -h and the headings that options stand under.

Usage: python scripts/cli_reference.py, in the active environment. With --check it writes nothing and ends with 1 if
the page is not what it should be.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from facefusion_cli.cli.app import PROGRAM, app

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PAGE", "reference"]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"

_HEAD = f"""\
# The command line

What `{PROGRAM} COMMAND --help` says, as a page. `scripts/cli_reference.py` makes it from the command itself.
"""


def reference() -> str:
    """The page as Markdown. It depends on the command alone, not on the terminal or on what is installed beside it."""
    group: Any = typer.main.get_command(app)
    context = _context(group, PROGRAM, None)
    commands = {name: group.get_command(context, name) for name in group.list_commands(context)}
    table = [f"| [`{name}`](#{PROGRAM}-{name}) | {one.help.splitlines()[0]} |" for name, one in commands.items()]
    blocks = [_HEAD, *_section(group, context), "\n".join(["| command | |", "|---|---|", *table]) + "\n"]
    for name, command in commands.items():
        blocks += [f"## {PROGRAM} {name}\n", *_section(command, _context(command, name, context))]
    return "\n".join(blocks)


def main() -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description="Write docs/cli.md from the command's own help.")
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if the page is out of date")
    page = reference()
    if not parser.parse_args().check:
        PAGE.write_text(page, encoding="utf-8", newline="\n")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page:
        return 0
    print("docs/cli.md is out of date: run python scripts/cli_reference.py", file=sys.stderr)
    return 1


def _context(command: Any, name: str, parent: Any) -> Any:
    return command.make_context(name, [], parent=parent, resilient_parsing=True)


def _section(command: Any, context: Any) -> Iterator[str]:
    """Usage, help, parameters under their headings, and the end, of one command."""
    # Not get_usage, which breaks lines at the width of the terminal.
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"```\n{usage}\n```\n"
    yield f"{command.help.strip()}\n"
    headings: dict[str, list[str]] = {}
    for param in command.get_params(context):
        if (record := param.get_help_record(context)) is not None:
            name, text = record
            kind = "Arguments" if param.param_type_name == "argument" else "Options"
            heading = getattr(param, "rich_help_panel", None) or kind
            headings.setdefault(heading, []).append(f"- `{name}`: {text.replace('  [', ' [')}")
    for heading, lines in headings.items():
        yield "\n".join([f"**{heading}**\n", *lines]) + "\n"
    if command.epilog:
        yield _end(command.epilog.strip())


def _end(text: str) -> str:
    title, *examples = text.splitlines()
    return "\n".join([f"**{title.rstrip(':')}**\n", "```", *examples, "```\n"]) if examples else f"{title}\n"


if __name__ == "__main__":
    sys.exit(main())
