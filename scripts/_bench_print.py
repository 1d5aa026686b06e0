"""How measurements are told: as JSON lines, or as tables."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _bench_frame import Fact, Group, Row

__all__ = ["print_json", "print_table"]

_REMARKS = {
    "yardstick": "what it does a second over what the yardstick does: matrix products in that precision, or copies",
    "off_by": "largest difference to onnxruntime's answers, in units of the largest number among those",
}


def print_json(group: Group, rows: Sequence[Row]) -> None:
    """A line for each case, and one for the remark."""
    for row in rows:
        record = asdict(row)
        record = {"group": group.title, **record, **record.pop("facts")}
        print(json.dumps({name: _rounded(value) for name, value in record.items()}), flush=True)
    if group.remark:
        print(json.dumps({"group": group.title, "remark": group.remark}), flush=True)


def _rounded(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def print_table(group: Group, rows: Sequence[Row], told: set[str]) -> None:
    """Under each other; columns that are empty throughout are left out, and so is of the remarks what was ``told``."""
    if group.title:
        print(f"\n{group.title}")
    limits = {
        "TFLOP/s": [_significant(row.tflops) for row in rows],
        "GB/s": [_significant(row.gbytes_s) for row in rows],
        "yardstick": ["" if row.of_yardstick is None else f"{row.of_yardstick:.0%}" for row in rows],
    }
    names = list(dict.fromkeys(name for row in rows for name in row.facts))
    facts = {name: [_cell(row.facts.get(name)) for row in rows] for name in names}
    columns = {
        **{
            name: [f"{getattr(row, f'{name}_ms'):.1f}" for row in rows]
            for name in ("median", "lowest", "highest", "cpu")
        },
        "ratio": [f"{row.ratio:.2f}" for row in rows],
        **{name: cells for name, cells in limits.items() if any(cells)},
        **facts,
    }
    widths = {name: max(8, len(name), *map(len, cells)) for name, cells in columns.items()}
    first = max(44, *(len(row.case) for row in rows))
    print(f"\n{'milliseconds':{first}}", *(f"{name:>{width}}" for name, width in widths.items()))
    for number, row in enumerate(rows):
        print(f"{row.case:{first}}", *(f"{columns[name][number]:>{width}}" for name, width in widths.items()))
    remarks = [f'ratio: median over the median of "{rows[0].case}"']
    remarks += [f"{name}: {remark}" for name, remark in _REMARKS.items() if name in columns]
    remarks += [group.remark] if group.remark else []
    new = [remark for remark in remarks if remark not in told]
    told.update(new)
    if new:
        print("", *new, sep="\n", flush=True)


def _significant(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _cell(fact: Fact | None) -> str:
    return "" if fact is None else fact if isinstance(fact, str) else f"{fact:.4g}"
