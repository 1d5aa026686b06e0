"""XMP packets: what is put into one, and what of it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefusion_cli.core.media.marking.mark import NOTHING_SAID, SCHEME, Mark, Said, statement
from facefusion_cli.core.media.marking.xmp import merged, packet_for, packet_of, said_in

if TYPE_CHECKING:
    from collections.abc import Callable

OURS = Mark("inswapper", "inswapper_128").said()

CAMERA = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Somebody's Kit 1.0">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="uuid:1" xmlns:tool="http://ns.adobe.com/xap/1.0/" tool:CreatorTool="Light &amp; Room 3"
    xmlns:xmp="http://elsewhere/" xmp:Thing="kept"/>
  <rdf:Description rdf:about="uuid:1" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Gr\u00fc\u00dfe &lt;3</rdf:li></rdf:Alt></dc:title>
   <i:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture</i:DigitalSourceType>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
""" + " " * 2000 + '<?xpacket end="w"?>'  # fmt: skip


def test_a_packet_says_what_it_was_told() -> None:
    packet = packet_of(OURS)
    assert said_in(packet) == OURS
    assert len(packet) < 800
    assert OURS.source_type == SCHEME + "compositeWithTrainedAlgorithmicMedia"
    assert OURS.creator_tool.startswith("facefusion-cli ")
    assert OURS.creator_tool.endswith(" (inswapper)")
    assert packet_of(NOTHING_SAID) == b""


def test_what_engines_without_a_generator_say() -> None:
    mesh = Mark("mesh")
    assert mesh.said().term == "composite"
    assert mesh.said().model == ""
    generated = Said(SCHEME + "trainedAlgorithmicMedia")
    assert mesh.said(generated).term == "compositeSynthetic"
    assert mesh.said(Said(SCHEME + "digitalCapture")).term == "composite"
    assert Mark("inswapper", "inswapper_128").said(generated).term == "compositeWithTrainedAlgorithmicMedia"


def test_without_a_mark_only_what_is_still_true_is_said() -> None:
    generated, taken = Said(SCHEME + "trainedAlgorithmicMedia", "Painter 2"), Said(SCHEME + "digitalCapture")
    assert statement(None, generated) == generated
    assert statement(None, taken) == NOTHING_SAID
    assert statement(Mark("mesh"), taken).term == "composite"


def test_p01_a_packet_that_is_there_is_kept() -> None:
    packet = merged(CAMERA.encode(), OURS).decode()
    assert said_in(packet.encode()) == OURS
    assert "Gr\u00fc\u00dfe &lt;3" in packet
    assert 'xmp:Thing="kept"' in packet
    assert "Somebody's Kit 1.0" in packet
    assert "digitalCapture" not in packet
    assert 'stEvt:softwareAgent="Light &amp; Room 3"' in packet
    assert packet.count('rdf:about="uuid:1"') == 3
    assert len(packet) < len(CAMERA)  # the room for changes is given up


def test_marking_twice_is_marking_once() -> None:
    once = merged(CAMERA.encode(), OURS)
    twice = merged(once, OURS)
    assert twice.count(b"DigitalSourceType=") == 1
    assert twice.count(b"CreatorTool=") == 1
    assert twice.count(b"stEvt:action") == 1
    other = merged(once, Mark("mesh").said(OURS))
    assert said_in(other).term == "compositeSynthetic"
    assert said_in(other).model == ""
    assert other.count(b"stEvt:action") == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_encoding_is_read(encoding: str) -> None:
    text = packet_of(OURS).decode().replace("\ufeff", "")
    assert said_in(text.encode(encoding)) == OURS


def test_the_older_forms_are_read() -> None:
    name = f'{SCHEME}algorithmicMedia"/>'
    for old, new in (
        (
            ">http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture</i:DigitalSourceType>",
            f' rdf:resource="{name}',
        ),
        ("digitalCapture</i", "algorithmicMedia/ </i"),
    ):
        assert old in CAMERA
        assert said_in(CAMERA.replace(old, new).encode()).term == "algorithmicMedia"


def _bomb() -> bytes:
    words = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return CAMERA.replace("<x:", f'<!DOCTYPE x [<!ENTITY a0 "ha">{words}]><x:', 1).replace("kept", "&a9;").encode()


@pytest.mark.parametrize(
    "make",
    [_bomb, lambda: b"", lambda: b"\xff\xfe<", lambda: b"<a>", lambda: CAMERA.encode()[:600], lambda: b" " * 5_000_000],
)
def test_a_damaged_packet_says_nothing_and_is_replaced(make: Callable[[], bytes]) -> None:
    data = make()
    assert said_in(data) == NOTHING_SAID
    packet, note = packet_for(OURS, data)
    assert packet == packet_of(OURS)
    assert ("damaged" in note) == bool(data)


def test_a_packet_that_would_not_fit_is_left_out() -> None:
    packet, note = packet_for(OURS, CAMERA.encode(), longest=1000)
    assert said_in(packet) == OURS
    assert "too long" in note
    assert b"kept" not in packet


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=60))
def test_any_words_survive(words: str) -> None:
    said = Said("http://x/" + words.strip(), words.strip(), words.strip())
    for packet in (packet_of(said), merged(CAMERA.encode(), said)):
        found = said_in(packet)
        if packet:
            assert found.source_type == said.source_type
            assert found.model == said.model


@given(st.binary(max_size=200))
def test_no_bytes_are_too_odd(data: bytes) -> None:
    said_in(CAMERA.encode()[:700] + data + CAMERA.encode()[700:])
    said_in(data)
