"""The list of weights: complete, consistent, and only of places that can be trusted to be asked."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from facefusion_cli.core.weights.catalog import Archive, HubSource, UrlSource, Weight, catalog, parse_catalog
from facefusion_cli.core.weights.needs import DEFAULT_ENGINES, ENGINE_WEIGHTS, engines_that_need
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from facefusion_cli.core.weights.catalog import Source

FILES: tuple[Weight | Archive, ...] = (*catalog().weights, *catalog().archives)
SOURCES = [(file.name, source) for file in FILES for source in file.sources]

# Name, bytes and SHA-256 as they are published, written down a second time so that a slip in the catalog comes out.
PUBLISHED = {
    "inswapper_128": (554253681, "e4a3f08c753cb72d04e10aa0f7dbe3deebbf39567d4ead6dce08e98aa49e16af"),
    "inswapper_128_fp16": (277680638, "6d51a9278a1f650cffefc18ba53f38bf2769bf4bbff89267822cf72945f8a38b"),
    "det_10g": (16923827, "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91"),
    "w600k_r50": (174383860, "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43"),
    "wav2lip": (435807851, "b78b681b68ad9fe6c6fb1debc6ff43ad05834a8af8a62ffc4167b7b34ef63c37"),
    "wav2lip_gan": (435801865, "ca9ab7b7b812c0e80a6e70a5977c545a1e8a365a6c49d5e533023c034d7ac3d8"),
    "buffalo_l": (288621354, "80ffe37d8a5940d59a7384c201a2a38d4741f2f3c51eef46ebb28218a7b0ca2f"),
}


def test_files_are_those_published() -> None:
    assert {file.name: (file.bytes, file.sha256) for file in FILES} == PUBLISHED


def test_nothing_has_two_names() -> None:
    digests = [file.sha256 for file in FILES] + [lookalike.sha256 for lookalike in catalog().lookalikes]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests)
    assert len({*digests}) == len(digests)
    for names in ([file.name for file in FILES], [weight.stored_file for weight in catalog().weights]):
        assert len({*names}) == len(names)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_names_are_plain(file: Weight | Archive) -> None:
    """They become names of files in the store."""
    assert re.fullmatch("[a-z0-9_]+", file.name)
    assert re.fullmatch(r"[a-z0-9_]+\.(onnx|pth|zip)", file.file)


@pytest.mark.parametrize(("name", "source"), SOURCES)
def test_sources_are_places(name: str, source: Source) -> None:
    if isinstance(source, UrlSource):
        assert re.fullmatch(r"https://[^\s?#]+\.(onnx|pth|zip)", source.url)
    else:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", source.repo_id)
        assert not source.path.startswith("/")
        assert source.revision is None or re.fullmatch("[0-9a-f]{40}", source.revision)
        assert source.repo_type in {"model", "dataset"}


def test_each_file_has_more_than_one_place_and_none_twice() -> None:
    for file in FILES:
        assert len(file.sources) > 1
        assert len({*file.sources}) == len(file.sources)


def test_swapping_needs_one_pinned_repository() -> None:
    """The whole set comes from one commit if all goes well."""
    first = [catalog().weight(name).sources[0] for name in ENGINE_WEIGHTS["inswapper"]]
    assert all(isinstance(source, HubSource) and source.revision for source in first)
    assert len({(source.repo_id, source.revision) for source in first if isinstance(source, HubSource)}) == 1


def test_engines_need_what_there_is() -> None:
    names = {weight.name for weight in catalog().weights}
    assert {name for needed in ENGINE_WEIGHTS.values() for name in needed} <= names
    assert ENGINE_WEIGHTS.keys() >= {*DEFAULT_ENGINES}
    assert engines_that_need("det_10g") == ("inswapper",)
    assert engines_that_need("inswapper_128_fp16") == ()


def test_terms_are_told() -> None:
    for weight in catalog().weights:
        assert "non-commercial" in weight.licence.title
        assert weight.licence.url.startswith("https://")
        assert 0 < len(weight.purpose) <= 30


def test_members_of_archives_are_weights() -> None:
    (archive,) = catalog().archives
    for member, name in archive.members.items():
        assert catalog().weight(name).file == member
        assert catalog().archives_of(catalog().weight(name)) == (archive,)
    assert catalog().archives_of(catalog().weight("wav2lip")) == ()


def test_lookalikes_are_of_weights() -> None:
    assert {lookalike.of for lookalike in catalog().lookalikes} <= {weight.name for weight in catalog().weights}


def test_checkpoints_are_not_kept_as_pickles() -> None:
    assert catalog().weight("wav2lip").stored_file == "wav2lip.safetensors"
    assert catalog().weight("det_10g").stored_file == "det_10g.onnx"


def test_a_file_is_known_by_its_hash() -> None:
    for file in FILES:
        assert catalog().identify(file.sha256) == file
    assert catalog().identify("0" * 64) is None


def test_unknown_name() -> None:
    with pytest.raises(UsageError, match='there are no weights "inswapper"') as raised:
        catalog().weight("inswapper")
    assert "inswapper_128, " in raised.value.hint


def test_misspelt_keys_are_noticed() -> None:
    text = resources.files("facefusion_cli.core.weights").joinpath("catalog.toml").read_text(encoding="utf-8")
    assert parse_catalog(text) == catalog()
    for wrong in (text.replace("repo_id", "repo"), text.replace("purpose", "use"), text.replace("title", "name")):
        with pytest.raises(TypeError):
            parse_catalog(wrong)
    with pytest.raises(tomllib.TOMLDecodeError):
        parse_catalog(text + "[weights.det_10g]\n")


def test_each_network_has_a_form() -> None:
    swapper = ((1, 3, 128, 128), (1, 512))
    assert {weight.name: (weight.inputs, weight.outputs) for weight in catalog().weights if weight.form == "onnx"} == {
        "inswapper_128": (swapper, 1),
        "inswapper_128_fp16": (swapper, 1),
        "det_10g": (((1, 3, 0, 0),), 9),
        "w600k_r50": (((1, 3, 112, 112),), 1),
    }
