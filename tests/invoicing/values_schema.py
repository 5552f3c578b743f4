"""As much of XML Schema as values.xsd uses: sequences of references, strings with attributes, and two simple types."""

import re
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring, parse

XS = "{http://www.w3.org/2001/XMLSchema}"  # a namespace, not a page that is fetched
SCHEMA = parse(Path(__file__).parent.parent / "data" / "signed" / "values.xsd").getroot()
TYPES = {kind.attrib["name"]: kind for kind in SCHEMA.findall(f"{XS}complexType")}
SIMPLE = {"xs:string": r"[\s\S]*", "xs:integer": r"\s*[+-]?[0-9]+\s*"}


def breaches(xml: bytes) -> list[str]:
    """What breaks the schema; nothing: it is valid."""
    root = fromstring(xml)
    names = {element.attrib["name"]: element.attrib["type"] for element in SCHEMA.findall(f"{XS}element")}
    return _of(root, TYPES[names[root.tag]]) if root.tag in names else [f"{root.tag} is no root"]


def _of(node: Element, kind: Element) -> list[str]:
    extension = kind.find(f"{XS}simpleContent/{XS}extension")
    if extension is not None:
        found = [f"{child.tag} in {node.tag}" for child in node]
        return found + _attributes(node, extension)
    found = [f"text in {node.tag}"] if "".join([node.text or "", *(child.tail or "" for child in node)]).strip() else []
    return found + _attributes(node, kind) + _children(node, kind)


def _children(node: Element, kind: Element) -> list[str]:
    left = list(node)
    found: list[str] = []
    for reference in kind.findall(f"{XS}sequence/{XS}element"):
        name, many = reference.attrib["ref"], reference.attrib.get("maxOccurs") == "unbounded"
        assert reference.attrib["minOccurs"] == "0"
        while left and left[0].tag == name:
            found += _of(left.pop(0), TYPES[name])
            if not many:
                break
    return found + [f"{child.tag} out of place in {node.tag}" for child in left]


def _attributes(node: Element, kind: Element) -> list[str]:
    allowed = {attribute.attrib["name"]: SIMPLE[attribute.attrib["type"]] for attribute in kind.findall(f"{XS}attribute")}
    wrong = [f"{name} of {node.tag}" for name in node.attrib if name not in allowed]
    return wrong + [
        f"{name}={value} of {node.tag}"
        for name, value in node.attrib.items()
        if name in allowed and not re.fullmatch(allowed[name], value)
    ]
