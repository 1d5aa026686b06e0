"""Whether a file or an array is the one it was."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from facefusion_cli.core.media.fingerprint import fingerprint, fingerprint_array
from facefusion_cli.errors import InputError


@pytest.mark.parametrize("size", [0, 10, 2**16, 2**17, 2**17 + 1])
def test_the_content_counts_and_not_the_name(tmp_path: Path, size: int) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(bytes(size))
    before = fingerprint(path)
    os.utime(path, (1, 1))
    assert (fingerprint(path) == before) == (size <= 2**17)
    before = fingerprint(path)
    path.rename(other)
    assert fingerprint(other) == before
    if size:
        for place in (0, size - 1):
            content = bytearray(size)
            content[place] = 1
            other.write_bytes(content)
            os.utime(other, (1, 1))
            assert fingerprint(other) != before


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("pipe", "is not an ordinary file"),
        ("folder", "is a folder"),
        ("nothing", "there is no file"),
        ("device", "not an ordinary file"),
    ],
)
def test_what_is_no_file_is_never_waited_for(tmp_path: Path, what: str, words: str) -> None:
    path = tmp_path / "x.png"
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "device":
        path = Path("/dev/zero")
    with pytest.raises(InputError, match=words):
        fingerprint(path)


def test_an_array_is_known_by_its_values_its_shape_and_its_type() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    same = np.asfortranarray(array)
    others = (array[::-1], array.reshape(4, 2, 3), array.view(np.int8), array + np.uint8(1))
    assert fingerprint_array(array) == fingerprint_array(same) == fingerprint_array(array.copy())
    assert len({fingerprint_array(one) for one in (array, *others)}) == 5
