"""Damage to files and texts: the same seed does the same damage."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

__all__ = ["mutated"]

_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_CHANGES_AT_ONCE = (1, 1, 1, 2, 3, 4)
_LONGEST_BLOCK = 4096
_HEAD = 64
"""Bytes at the beginning, where formats say what they are: every third change is made there."""
_PNG = b"\x89PNG\r\n\x1a\n"


def mutated(data: bytes, others: Sequence[bytes], generator: random.Random) -> bytes:
    """``data`` with one to four changes: flipped bits, other numbers, cut, repeated or removed blocks, parts of others.

    ``others`` are files that parts may come from. Checksums of half of the PNG files are put right, so that what lies
    behind them is read at all.
    """
    content = bytearray(data)
    for _ in range(generator.choice(_CHANGES_AT_ONCE)):
        generator.choice(_CHANGES)(content, generator.choice(others), generator)
    if content.startswith(_PNG) and generator.random() < 0.5:
        _put_checksums_right(content)
    return bytes(content)


def _place(content: bytearray, generator: random.Random) -> int:
    end = min(_HEAD, len(content)) if generator.random() < 1 / 3 else len(content)
    return generator.randrange(end) if end else 0


def _flip(content: bytearray, _: bytes, generator: random.Random) -> None:
    for _bit in range(generator.choice((1, 1, 2, 8, 32))):
        if content:
            content[_place(content, generator)] ^= 1 << generator.randrange(8)


def _set_bytes(content: bytearray, _: bytes, generator: random.Random) -> None:
    place, count = _place(content, generator), generator.randint(1, 16)
    content[place : place + count] = generator.choice([bytes(count), b"\xff" * count, generator.randbytes(count)])


def _set_number(content: bytearray, _: bytes, generator: random.Random) -> None:
    """A length, a size, an offset: the numbers that readers trip over, in any width and order."""
    place, width = _place(content, generator), generator.choice((1, 2, 4, 4, 8))
    number = generator.choice(_NUMBERS) + generator.choice((-1, 0, 0, 1))
    order = generator.choice(_ORDERS)
    content[place : place + width] = (number % 256**width).to_bytes(width, order)


def _change_number(content: bytearray, _: bytes, generator: random.Random) -> None:
    """Nearly right."""
    place, width = _place(content, generator), generator.choice((1, 2, 4))
    order = generator.choice(_ORDERS)
    old = int.from_bytes(content[place : place + width], order)
    new = old + generator.choice((-1, 1, -8, 8, old, -old // 2, 1 << (8 * width - 2)))
    content[place : place + width] = (new % 256**width).to_bytes(width, order)


def _cut(content: bytearray, _: bytes, generator: random.Random) -> None:
    del content[generator.randrange(len(content) + 1) :]


def _block(content: bytearray, generator: random.Random) -> slice:
    place = _place(content, generator)
    return slice(place, place + generator.randint(1, min(_LONGEST_BLOCK, max(1, len(content)))))


def _repeat(content: bytearray, _: bytes, generator: random.Random) -> None:
    block = _block(content, generator)
    place = generator.choice((block.stop, _place(content, generator)))
    content[place:place] = content[block] * generator.choice((1, 1, 2, 16))


def _remove(content: bytearray, _: bytes, generator: random.Random) -> None:
    del content[_block(content, generator)]


def _move(content: bytearray, _: bytes, generator: random.Random) -> None:
    block = _block(content, generator)
    moved = content[block]
    del content[block]
    place = _place(content, generator)
    content[place:place] = moved


def _take_head(content: bytearray, other: bytes, generator: random.Random) -> None:
    """What it says it is comes from another file."""
    length = generator.choice((4, 8, 12, 32, 256))
    content[:length] = other[:length]


def _take_part(content: bytearray, other: bytes, generator: random.Random) -> None:
    source = bytearray(other)
    place, part = _place(content, generator), source[_block(source, generator)]
    content[place : place + generator.choice((0, len(part)))] = part


def _put_checksums_right(content: bytearray) -> None:
    """CRC of every chunk of a PNG file, as far as lengths can be followed (ISO/IEC 15948, 5.3)."""
    place = len(_PNG)
    while place + 12 <= len(content):
        end = place + 8 + int.from_bytes(content[place : place + 4], "big")
        if end + 4 > len(content):
            return
        content[end : end + 4] = zlib.crc32(content[place + 4 : end]).to_bytes(4, "big")
        place = end + 4


_CHANGES: tuple[Callable[[bytearray, bytes, random.Random], None], ...] = (
    _flip,
    _flip,
    _flip,
    _set_bytes,
    _set_number,
    _set_number,
    _set_number,
    _change_number,
    _change_number,
    _cut,
    _repeat,
    _remove,
    _move,
    _take_head,
    _take_part,
)
