"""XMP packets: what one says of how its file was made, and putting that into one.

Format: XMP specification part 1 (ISO 16684-1) and part 3 (the padding that is left out here).
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING
from xml.dom import minidom
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import quoteattr

from facefusion_cli.core.media.marking.mark import NOTHING_SAID, Said

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LONGEST_PACKET", "merged", "packet_for", "packet_of", "said_in"]

LONGEST_PACKET = 4 * 2**20
"""Bytes that are looked through."""

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMP = "http://ns.adobe.com/xap/1.0/"
_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_MM = "http://ns.adobe.com/xap/1.0/mm/"
_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_XMLNS = "http://www.w3.org/2000/xmlns/"

_SOURCE, _SYSTEM, _VERSION = (_EXT, "DigitalSourceType"), (_EXT, "AISystemUsed"), (_EXT, "AISystemVersionUsed")
_TOOL = (_XMP, "CreatorTool")
_OURS = (_SOURCE, _SYSTEM, _VERSION, _TOOL)
"""Properties that say how a file was made."""

_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_TAIL = '<?xpacket end="w"?>'
_ENCODINGS = ((codecs.BOM_UTF8, "utf-8"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_DEFINITIONS = re.compile(r"<!(DOCTYPE|ENTITY)")


def packet_of(said: Said) -> bytes:
    """A packet that says this and nothing else; b"" where there is nothing to say."""
    if said == NOTHING_SAID:
        return b""
    properties = "".join(f" {name}={quoteattr(value)}" for name, value in _properties(said))
    text = (
        f'{_HEAD}<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
        f'<rdf:Description rdf:about="" xmlns:xmp="{_XMP}" xmlns:Iptc4xmpExt="{_EXT}"{properties}/>'
        f"</rdf:RDF></x:xmpmeta>{_TAIL}"
    )
    return text.encode()


def packet_for(said: Said, kept: bytes, *, longest: int = LONGEST_PACKET) -> tuple[bytes, str]:
    """A packet that says this and what the packet ``kept`` says otherwise, and what the user should know of it, or "".

    Where both do not fit into ``longest`` bytes, and where ``kept`` cannot be read, it says this alone.
    """
    if not kept:
        return packet_of(said), ""
    try:
        packet = merged(kept, said)
    except ValueError:
        return packet_of(said), "the XMP data are damaged: left out."
    if len(packet) > longest:
        return packet_of(said), "the XMP data are too long: left out."
    return packet, ""


def said_in(packet: bytes) -> Said:
    """What a packet says; nothing where it cannot be read."""
    try:
        document = _parsed(packet)
    except ValueError:
        return NOTHING_SAID
    found: dict[tuple[str, str], str] = {}
    for description in _descriptions(document):
        for name in _OURS:
            if value := _value(description, name):
                found.setdefault(name, value)
    system = " ".join(filter(None, (found.get(_SYSTEM, ""), found.get(_VERSION, ""))))
    return Said.by(found.get(_TOOL, ""), source_type=found.get(_SOURCE, ""), model=system)


def merged(packet: bytes, said: Said) -> bytes:
    """The packet saying this instead of what it has said of the same; a tool it named goes into its history.

    Raises:
        ValueError: it cannot be read.
    """
    document = _parsed(packet)
    first = next(_descriptions(document), None)
    if first is None or not first.prefix:
        raise ValueError("nothing is described")
    before = next((tool for one in _descriptions(document) if (tool := _value(one, _TOOL))), "")
    about = first.getAttributeNS(_RDF, "about")
    for description in [*_descriptions(document)]:
        for name in _OURS:
            _remove(description, name)
    ours = document.createElementNS(_RDF, f"{first.prefix}:Description")
    ours.setAttributeNS(_RDF, f"{first.prefix}:about", about)
    # Declared here, since prefixes may mean something else around it.
    for prefix, space in (("xmp", _XMP), ("Iptc4xmpExt", _EXT)):
        ours.setAttributeNS(_XMLNS, f"xmlns:{prefix}", space)
    for property, value in _properties(said):
        ours.setAttributeNS(_XMP if property.startswith("xmp:") else _EXT, property, value)
    root = first.parentNode
    assert root is not None
    root.appendChild(ours)
    if before and before != said.creator_tool:
        _add_to_history(document, before)
    element = document.documentElement
    assert element is not None
    return f"{_HEAD}{element.toxml()}{_TAIL}".encode()


def _properties(said: Said) -> Iterator[tuple[str, str]]:
    for name, value in (
        ("Iptc4xmpExt:DigitalSourceType", said.source_type),
        ("Iptc4xmpExt:AISystemUsed", said.model),
        ("xmp:CreatorTool", said.creator_tool),
    ):
        if value:
            yield name, value


def _parsed(packet: bytes) -> minidom.Document:
    if len(packet) > LONGEST_PACKET:
        raise ValueError("too long")
    start = packet.lstrip()[:2]
    encoding = next((name for mark, name in _ENCODINGS if start.startswith(mark)), "utf-8")
    if packet.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    text = packet.decode(encoding).strip("\0 \t\r\n\ufeff")
    if _DEFINITIONS.search(text):  # of which a few lines can become gigabytes
        raise ValueError("it defines words of its own")
    try:
        return minidom.parseString(text.encode())  # noqa: S318  (without definitions it is as long as it is)
    except ExpatError as error:
        raise ValueError(str(error)) from error


def _descriptions(document: minidom.Document) -> Iterator[minidom.Element]:
    for root in document.getElementsByTagNameNS(_RDF, "RDF"):
        for child in root.childNodes:
            if isinstance(child, minidom.Element) and (child.namespaceURI, child.localName) == (_RDF, "Description"):
                yield child


def _elements(description: minidom.Element, name: tuple[str, str]) -> list[minidom.Element]:
    return [
        child
        for child in description.childNodes
        if isinstance(child, minidom.Element) and (child.namespaceURI, child.localName) == name
    ]


def _value(description: minidom.Element, name: tuple[str, str]) -> str:
    if value := description.getAttributeNS(*name):
        return value.strip()
    for element in _elements(description, name):
        if resource := element.getAttributeNS(_RDF, "resource"):
            return resource.strip()
        return "".join(node.data for node in element.childNodes if isinstance(node, minidom.Text)).strip()
    return ""


def _remove(description: minidom.Element, name: tuple[str, str]) -> None:
    if description.hasAttributeNS(*name):
        description.removeAttributeNS(*name)
    for element in _elements(description, name):
        description.removeChild(element)


def _add_to_history(document: minidom.Document, tool: str) -> None:
    """Say that the file was made with ``tool`` at first."""
    event = f'<rdf:li xmlns:stEvt="{_EVENT}" stEvt:action="created" stEvt:softwareAgent={quoteattr(tool)}/>'
    whole = f'<xmpMM:History xmlns:xmpMM="{_MM}" xmlns:rdf="{_RDF}"><rdf:Seq>{event}</rdf:Seq></xmpMM:History>'
    made = minidom.parseString(whole.encode()).documentElement  # noqa: S318  (our own words)
    assert made is not None
    last = None
    for last in _descriptions(document):
        for history in _elements(last, (_MM, "History")):
            for sequence in history.getElementsByTagNameNS(_RDF, "Seq"):
                sequence.appendChild(document.importNode(made.getElementsByTagNameNS(_RDF, "li")[0], deep=True))
                return
    assert last is not None
    last.appendChild(document.importNode(made, deep=True))
