"""Parse one XML envelope safely: no document type, no entities, nothing from elsewhere. The door for defusedxml."""

from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ingest.fields import NESTING_MAX


class NotXml(Exception):  # not an error of ours: a fact about the input
    """The text is no XML, or not of the kind that is read."""


class Node(NamedTuple):
    """An element: namespace and name, its text without blanks around it, its attributes by their local names, what is in it."""

    space: str
    name: str
    text: str
    attributes: dict[str, str]
    children: tuple["Node", ...]

    def find(self, name: str) -> "Node | None":
        return next((child for child in self.children if child.name == name), None)

    def elements(self) -> Iterator["Node"]:
        """Without those that say they are nil."""
        return (child for child in self.children if child.attributes.get("nil") not in ("true", "1"))


def parsed(text: bytes) -> Node:
    """Raises NotXml."""
    try:
        return _node(fromstring(text, forbid_dtd=True, forbid_entities=True, forbid_external=True), NESTING_MAX)
    except DefusedXmlException as error:
        raise NotXml(f"it has a document type or entities ({type(error).__name__})") from None
    except (ParseError, ValueError, LookupError) as error:  # the last: an encoding that Python does not know
        raise NotXml(str(error)) from None


def _node(element: Element, levels: int) -> Node:
    if not levels:
        raise NotXml(f"it nests deeper than {NESTING_MAX} levels")
    space, name = _split(element.tag)
    attributes = {_split(key)[1]: value for key, value in element.attrib.items()}
    return Node(space, name, (element.text or "").strip(), attributes, tuple(_node(child, levels - 1) for child in element))


def _split(tag: str) -> tuple[str, str]:
    space, _, name = tag.rpartition("}")
    return space.removeprefix("{"), name
