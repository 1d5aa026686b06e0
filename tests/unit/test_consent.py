"""Answers that outlive a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from facefusion_cli.core.weights.catalog import Licence
from facefusion_cli.core.weights.consent import Consent

if TYPE_CHECKING:
    from pathlib import Path

ONE = Licence("one", "Terms", "https://terms.test/one")
TWO = Licence("two", "Other terms", "https://terms.test/two")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "consent.json"


def test_what_was_accepted_is_known_to_the_next_run(file: Path) -> None:
    assert not Consent(file).accepted([ONE])
    assert Consent(file).accept([ONE])
    assert Consent(file).accepted([ONE])
    assert not Consent(file).accepted([ONE, TWO]), "other terms were never shown"
    assert Consent(file).accept([TWO])
    assert Consent(file).accepted([ONE, TWO])
    assert [path.name for path in file.parent.iterdir()] == ["consent.json"]


def test_an_offer_is_declined_by_engine_until_it_is_forgotten(file: Path) -> None:
    consent = Consent(file)
    consent.accept([ONE])
    consent.decline("best")
    consent.decline("other")
    assert Consent(file).declined("best")
    assert not Consent(file).declined("third")
    consent.forget_declined(["best", "third"])
    assert not Consent(file).declined("best")
    assert Consent(file).declined("other")
    assert Consent(file).accepted([ONE])


def test_nothing_is_written_where_nothing_changes(file: Path) -> None:
    Consent(file).forget_declined(["best"])
    assert not file.parent.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"accepted": "one"}',
        b'{"accepted": {"one": 1}}',
        b'{"accepted": [["one"]]}',
    ],
)
def test_a_file_that_makes_no_sense_holds_no_answers_and_is_replaced(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    assert not Consent(file).accepted([ONE])
    assert not Consent(file).declined("one")
    assert Consent(file).accept([ONE])
    assert Consent(file).accepted([ONE])


def test_a_folder_in_its_place_holds_no_answers(file: Path) -> None:
    file.mkdir(parents=True)
    assert not Consent(file).accepted([ONE])
    assert not Consent(file).accept([ONE])


def test_it_says_when_an_answer_cannot_be_kept(file: Path) -> None:
    file.parent.write_text("not a folder")
    assert not Consent(file).accept([ONE])
    assert not Consent(file).decline("best")
    assert not Consent(file).accepted([ONE])


def test_the_usual_file_is_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path))
    Consent().accept([ONE])
    assert (tmp_path / "state" / "consent.json").is_file()
