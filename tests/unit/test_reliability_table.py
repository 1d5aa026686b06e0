"""docs/reliability.md and the tests tell the same: every row is there once, and has tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
IDS = [
    f"{letter}{number:02}"
    for letter, last in (("B", 75), ("F", 48), ("A", 32), ("P", 8))
    for number in range(1, last + 1)
]
_IN_NAME = re.compile(r"(?<![a-z0-9])[abfp]\d\d(?![0-9a-z])")


@cache
def _rows() -> list[list[str]]:
    """Cells of all rows that begin with an id."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| [ABFP]\d\d \|", line)
    ]


@cache
def _not_run() -> str:
    """What is said of rows that are not run."""
    return PAGE.read_text(encoding="utf-8").split("\n## Not run\n")[1]


@cache
def _tests() -> dict[str, list[set[str]]]:
    """For each name of a test, the texts of each file that has one of that name: ids of its cases are among them."""
    found: dict[str, list[set[str]]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.setdefault(node.name, []).append(texts)
    return found


def _named(row: list[str]) -> list[str]:
    return re.findall(r"`(test_[^`]+)`", row[-1])


def test_every_id_has_one_row_in_order() -> None:
    assert [row[0] for row in _rows()] == IDS


def test_every_row_is_filled_in() -> None:
    for row in _rows():
        assert len(row) == 4, row
        assert all(row), row


def test_every_row_has_tests_or_a_reason() -> None:
    for row in _rows():
        reason = rf"^\| [^|]*\b{row[0]}\b[^|]*\| [^|]+ \|$"
        assert _named(row) or re.search(reason, _not_run(), re.MULTILINE), f"{row[0]} has neither tests nor a reason"


def test_tests_that_are_named_exist_and_bear_the_id() -> None:
    for row in _rows():
        for name in _named(row):
            function, _, case = name.removesuffix("]").partition("[")
            files = _tests().get(function, [])
            assert files, f"there is no {function}"
            assert not case or any(case in texts for texts in files), f"{function} has no case {case}"
            assert row[0].lower() in _IN_NAME.findall((case or function).replace("_", " ")), name


def test_ids_in_names_of_tests_are_ids_of_rows() -> None:
    """And each row that a test names names it, or as many others as one wants to read."""
    listed = {row[0]: _named(row) for row in _rows()}
    for function in _tests():
        if prefix := re.match(r"test_((?:[abfp]\d\d_)+)", function):
            for one in prefix.group(1).upper().strip("_").split("_"):
                assert one in listed, function
                assert function in listed[one] or len(listed[one]) >= 4, f"{one} does not name {function}"
