"""Where results go: settled and refused before any work."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from facefusion_cli.core.media import naming
from facefusion_cli.core.media.formats import WRITABLE_SUFFIXES
from facefusion_cli.core.media.outputs import Output, plan_outputs
from facefusion_cli.errors import OutputError, OutputExistsError, UsageError


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "party.jpg"
    path.write_bytes(b"picture")
    return path


def paths(targets: list[Path], out: str | None, **options: Any) -> list[Path]:
    return [output.path for output in plan_outputs(targets, out, **options)]


def test_beside_the_target_by_default(target: Path) -> None:
    (output,) = plan_outputs([target], None)
    assert output == Output(target, target.with_name("party_swapped.jpg"), "number")


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("a.JPG", "a_swapped.JPG"),
        ("a.jpeg", "a_swapped.jpeg"),
        ("a.png", "a_swapped.png"),
        ("a.heic", "a_swapped.jpg"),
        ("a.HEIC", "a_swapped.jpg"),
        ("a.gif", "a_swapped.png"),
        ("a", "a_swapped.png"),
        (".jpg", ".jpg_swapped.png"),
        ("a.b.tiff", "a.b_swapped.tiff"),
        ("-a b.jpg", "-a b_swapped.jpg"),
    ],
)
def test_default_names(tmp_path: Path, name: str, result: str) -> None:
    assert paths([tmp_path / name], None) == [tmp_path / result]


def test_several_targets_have_to_be_told_where(target: Path) -> None:
    with pytest.raises(UsageError, match="2 targets") as raised:
        plan_outputs([target, target.with_name("b.jpg")], None)
    assert "folder" in raised.value.hint
    assert "template" in raised.value.hint


def test_into_a_folder(tmp_path: Path, target: Path) -> None:
    (tmp_path / "new").mkdir()
    other = tmp_path / "b.heic"
    for out in (f"{tmp_path}/new", f"{tmp_path}/new/"):
        assert paths([target, other], out) == [tmp_path / "new" / "party.jpg", tmp_path / "new" / "b.jpg"]


def test_a_folder_of_braces_is_a_folder(tmp_path: Path, target: Path) -> None:
    (tmp_path / "{what}").mkdir()
    assert paths([target], f"{tmp_path}/{{what}}") == [tmp_path / "{what}" / "party.jpg"]


@pytest.mark.parametrize("out", ["new/", "new/{stem}.jpg", "new/a.jpg"])
def test_f03_missing_folder(tmp_path: Path, target: Path, out: str) -> None:
    with pytest.raises(OutputError, match=r'the folder ".*new" for the output does not exist') as raised:
        plan_outputs([target], f"{tmp_path}/{out}")
    assert not isinstance(raised.value, OutputExistsError)


def test_f03_file_instead_of_a_folder(target: Path) -> None:
    with pytest.raises(OutputError, match="is a file"):
        plan_outputs([target], f"{target}/a.jpg")
    with pytest.raises(OutputError, match="folder is a file"):
        plan_outputs([target], f"{target}/b/a.jpg")


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{stem}_ada{suffix}", "party_ada.jpg"),
        ("new-{name}", "new-party.jpg"),
        ("{stem}.png", "party.png"),
        ("{stem}{stem}.png", "partyparty.png"),
        ("{ stem }{stem}.png", "{ stem }party.png"),
    ],
)
def test_templates(tmp_path: Path, target: Path, template: str, result: str) -> None:
    assert paths([target], f"{tmp_path}/{template}") == [tmp_path / result]


def test_values_are_not_templates_themselves(tmp_path: Path) -> None:
    assert paths([tmp_path / "{suffix}.jpg"], f"{tmp_path}/x{{stem}}.png") == [tmp_path / "x{suffix}.png"]


def test_template_gives_a_suffix_that_can_be_written(tmp_path: Path) -> None:
    assert paths([tmp_path / "a.heic"], f"{tmp_path}/{{stem}}_x{{suffix}}") == [tmp_path / "a_x.jpg"]
    assert paths([tmp_path / "a.gif"], f"{tmp_path}/x_{{name}}") == [tmp_path / "x_a.png"]


@pytest.mark.parametrize("out", ["{steam}.jpg", "{}.jpg", "{stem}_{number}.jpg", "{0}.png"])
def test_unknown_placeholder(target: Path, out: str) -> None:
    with pytest.raises(UsageError, match="unknown placeholder") as raised:
        plan_outputs([target], out)
    assert "{stem}, {suffix}, {name}" in raised.value.hint


def test_one_file_for_several_targets(tmp_path: Path, target: Path) -> None:
    with pytest.raises(UsageError, match="2 targets cannot all be written"):
        plan_outputs([target, tmp_path / "b.jpg"], f"{tmp_path}/result.jpg")


@pytest.mark.parametrize("names", [("a.heic", "a.jpg"), ("x/a.jpg", "y/a.jpg"), ("a.gif", "a.tga")])
def test_two_targets_with_one_name(tmp_path: Path, names: tuple[str, str]) -> None:
    (tmp_path / "new").mkdir()
    with pytest.raises(UsageError, match="more than one target"):
        plan_outputs([tmp_path / name for name in names], f"{tmp_path}/new")
    with pytest.raises(UsageError, match="more than one target"):
        plan_outputs([tmp_path / name for name in names], f"{tmp_path}/new/x{{suffix}}")


def test_f02_names_that_differ_in_case_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new").mkdir()
    targets = [tmp_path / "a.jpg", tmp_path / "A.jpg"]
    monkeypatch.setattr(sys, "platform", "linux")
    assert len(paths(targets, f"{tmp_path}/new")) == 2
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UsageError, match="more than one target"):
        plan_outputs(targets, f"{tmp_path}/new")


@pytest.mark.parametrize("out", ["result.xyz", "result.heic", "result.gif", "result", "result.", "-", "{stem}", ".jpg"])
def test_unknown_format(target: Path, out: str) -> None:
    """Before anything else is looked at: the folder does not exist either."""
    with pytest.raises(UsageError) as raised:
        plan_outputs([target], f"nowhere/{out}")
    assert all(suffix in raised.value.hint for suffix in WRITABLE_SUFFIXES)


def test_empty_name(target: Path) -> None:
    with pytest.raises(UsageError, match="empty"):
        plan_outputs([target], "")


def test_f02_output_is_the_target(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "symbolic.jpg").symlink_to(target)
    (tmp_path / "hard.jpg").hardlink_to(target)
    monkeypatch.chdir(tmp_path)
    for out in (str(target), "party.jpg", "./party.jpg", "symbolic.jpg", "hard.jpg", ".", "{name}"):
        with pytest.raises(OutputError, match="same file as the input") as raised:
            plan_outputs([target], out)
        assert not isinstance(raised.value, OutputExistsError)
    with pytest.raises(OutputError, match="same file"):
        plan_outputs([tmp_path / "hard.jpg"], "party.jpg")


def test_output_is_another_input(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "ada.jpg"
    source.write_bytes(b"face")
    with pytest.raises(OutputError, match="same file as the input"):
        plan_outputs([target], str(source), inputs=[source])
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "party.jpg").hardlink_to(source)
    with pytest.raises(OutputError, match="same file as the input"):
        plan_outputs([target], f"{tmp_path}/new", inputs=[source])


def test_output_of_one_target_is_another_target(tmp_path: Path, target: Path) -> None:
    other = tmp_path / "party_x.jpg"
    other.write_bytes(b"other")
    with pytest.raises(OutputError, match="same file as the input"):
        plan_outputs([target, other], f"{tmp_path}/{{stem}}_x{{suffix}}")


def test_existing_output(tmp_path: Path, target: Path) -> None:
    result = tmp_path / "result.jpg"
    result.write_bytes(b"old")
    assert plan_outputs([target], str(result)) == [Output(target, result, "replace")]
    with pytest.raises(OutputExistsError, match="exists already"):
        plan_outputs([target], str(result), clobber=False)
    assert plan_outputs([target], str(tmp_path / "new.jpg"), clobber=False)[0].exists == "refuse"


def test_existing_default_output_is_no_obstacle(target: Path) -> None:
    target.with_name("party_swapped.jpg").mkdir()
    for clobber in (True, False):
        assert plan_outputs([target], None, clobber=clobber)[0].exists == "number"


def test_folder_or_device_with_that_name(tmp_path: Path, target: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "party.jpg").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        plan_outputs([target], f"{tmp_path}/new")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(OutputError, match="not an ordinary file"):
            plan_outputs([target], f"{tmp_path}/pipe.jpg")


def test_links(tmp_path: Path, target: Path) -> None:
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    with pytest.raises(OutputError, match="leads to itself"):
        plan_outputs([target], f"{tmp_path}/loop.jpg")
    (tmp_path / "nowhere.jpg").symlink_to("missing/file.jpg")
    with pytest.raises(OutputError, match="missing"):
        plan_outputs([target], f"{tmp_path}/nowhere.jpg")


def test_too_long_a_name(tmp_path: Path, target: Path) -> None:
    with pytest.raises(OutputError, match="name is too long"):
        plan_outputs([target], f"{tmp_path}/{'x' * 300}.jpg")


@pytest.mark.parametrize("stem", ["x" * 251, "é" * 125, "顔" * 83, "😀" * 62])
def test_long_names_are_shortened_to_fit(tmp_path: Path, stem: str) -> None:
    (path,) = paths([tmp_path / f"{stem}.jpg"], None)
    assert path.name.endswith("_swapped.jpg")
    assert 250 <= len(os.fsencode(path.name)) <= 255
    assert stem.startswith(path.name.removesuffix("_swapped.jpg"))
    longest = naming.numbered(path, 12345)
    assert longest.name.endswith("_12345.jpg")
    assert len(os.fsencode(longest.name)) <= 255


def test_relative_names(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert paths([Path("party.jpg")], None) == [Path("party_swapped.jpg")]
    assert paths([Path("party.jpg")], "result.png") == [Path("result.png")]
    (tmp_path / "-new").mkdir()
    assert paths([Path("party.jpg")], "-new") == [Path("-new/party.jpg")]


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=60))
def test_any_name_stays_in_its_folder(name: str) -> None:
    assume(name not in {".", ".."})
    target = Path("folder", name)
    for template in ("new/{stem}_x{suffix}", "new/{name}"):
        (path,) = naming.name_outputs([naming.Target(target, "picture")], template)
        assert path.parent == Path("new")
        assert path.suffix.lower() in WRITABLE_SUFFIXES
    assert naming.default_path(naming.Target(target, "picture")).parent == Path("folder")
