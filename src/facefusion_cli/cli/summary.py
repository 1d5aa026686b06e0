"""The last word of a run with many files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facefusion_cli.cli.console import Console
    from facefusion_cli.core.batch.summary import Summary

__all__ = ["show_summary"]


def show_summary(console: Console, summary: Summary) -> None:
    """Say how many files were made, skipped and failed: a table on a terminal, else one line; nothing with --quiet."""
    screen = console.screen
    reasons = ", ".join(f"{count} {code}" for code, count in summary.reasons.most_common())
    if screen is None:
        counts = [f"{summary.made} made"]
        if summary.skipped:
            counts.append(f"{summary.skipped} skipped (done before)")
        if summary.failed:
            counts.append(f"{summary.failed} failed ({reasons})")
        console.done(f"{', '.join(counts)} in {_duration(summary.seconds)}.")
        return
    from rich import box
    from rich.table import Table

    table = Table("", "files", "", box=box.SIMPLE_HEAD, show_edge=False)
    table.columns[1].justify = "right"
    for name, count, words, style in (
        ("made", summary.made, f"in {_duration(summary.seconds)}", "green"),
        ("skipped", summary.skipped, "done before", ""),
        ("failed", summary.failed, reasons, "bold red"),
    ):
        if count or name == "made":
            table.add_row(name, str(count), words, style=style if count else "")
    screen.print(table)


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
