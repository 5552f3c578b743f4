"""XML from anywhere, read safely: no document type, no entities, nothing from elsewhere. The door for defusedxml."""

from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser

_LEVELS_MOST = 32
_ELEMENTS_MOST = 100_000


class NotXml(Exception):  # not an error of ours: a fact about the input
    """The bytes are no XML, or not of the kind that is read."""


class Node(NamedTuple):
    """An element without its namespace: its own text as it stands, with the blanks, without that of the elements in it."""

    name: str
    attributes: dict[str, str]
    text: str
    children: tuple["Node", ...]

    def find(self, name: str) -> "Node | None":
        return next((child for child in self.children if child.name == name), None)

    def all(self, name: str) -> Iterator["Node"]:
        """Those of this name, however deep."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.all(name)

    def told(self, name: str) -> str:
        """The text of a child, without blanks around it; nothing where there is none."""
        child = self.find(name)
        return child.text.strip() if child else ""


def parsed(data: bytes, encoding: str | None = None) -> Node:
    """`encoding`: that of the bytes, whatever their declaration says. Raises NotXml."""
    builder = _Builder()
    try:
        parser = XMLParser(target=builder, encoding=encoding, forbid_dtd=True, forbid_entities=True, forbid_external=True)
        parser.feed(data)
        node = parser.close()
    except DefusedXmlException as error:
        raise NotXml(f"it has a document type or entities ({type(error).__name__})") from None
    except (ParseError, ValueError, LookupError) as error:  # the last: an encoding that Python does not know
        raise NotXml(str(error)) from None
    assert isinstance(node, Node), "a document that ends has a root"
    return node


class _Builder:
    """Makes nodes while expat reads, and stops it at once where there are too many."""

    def __init__(self) -> None:
        self._open: list[tuple[str, dict[str, str], list[str], list[Node]]] = []
        self._root: Node | None = None
        self._elements = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if len(self._open) >= _LEVELS_MOST:
            raise NotXml(f"it nests deeper than {_LEVELS_MOST} levels")
        if self._elements > _ELEMENTS_MOST:
            raise NotXml(f"it has more than {_ELEMENTS_MOST} elements")
        self._open.append((_local(tag), {_local(key): value for key, value in attributes.items()}, [], []))

    def data(self, text: str) -> None:
        self._open[-1][2].append(text)

    def end(self, _tag: str) -> None:
        name, attributes, texts, children = self._open.pop()
        node = Node(name, attributes, "".join(texts), tuple(children))
        if self._open:
            self._open[-1][3].append(node)
        else:
            self._root = node

    def close(self) -> Node | None:
        return self._root


def _local(name: str) -> str:
    return name.rpartition("}")[2]
