"""YAML read for people who edit it: every value is the text that was written, every value knows its place.

The door of PyYAML, of which only the parser's events are used: YAML 1.1 would make `NO` (Norway) false, 0.39 a float,
22:00 the number 79200 and 010 an eight, so nothing is resolved here and the shapes (`wattbook.reference_shapes`) read text.

    Scalar   `tariff: ac-simple`   the text; nothing written (or ~) means not given, "" is an empty text
    Items    a list                in order
    Fields   a mapping             each key once, with the place of the key

Refused with their place: what is not UTF-8 or not YAML, a key given twice, tags, a second document, a plain text that
runs over its line, and more than NODES_MAX values once aliases are written out (a bomb of aliases costs nothing).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import yaml

BYTES_MAX = 16_000_000
NODES_MAX = 1_000_000
DEPTH_MAX = 32
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where the wheel has it: ten times faster
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufeff\ufffe\uffff]")


class Place(NamedTuple):
    """Where something stands; line and column count from 1, the column in characters."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Problem(NamedTuple):
    """What is wrong at a place, and what to do. `path` is the way to the field, "" where there is none."""

    place: Place
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.path}: {self.message}" if self.path else f"{self.place}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class Scalar:
    place: Place
    text: str | None  # None: not given


@dataclass(frozen=True, kw_only=True)
class Items:
    place: Place
    items: tuple["Node", ...]


@dataclass(frozen=True, kw_only=True)
class Fields:
    place: Place
    keys: Mapping[str, Place]
    values: Mapping[str, "Node"]


Node = Scalar | Items | Fields
NOT_GIVEN = Scalar(place=Place(""), text=None)


class YamlErrors(Exception):
    """All that is wrong with one file, as YAML."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def read_yaml(body: bytes, file: str) -> Node:
    """The one document of a file. Raises YamlErrors."""
    builder = _Builder(_text(body, file), file)
    try:
        document = builder.document()
    except yaml.MarkedYAMLError as error:
        _refuse(*_explained(error, builder.text, file))
    if builder.problems:
        raise YamlErrors(tuple(builder.problems))
    return document


def plain(node: Node) -> Any:
    """The node as dictionaries, lists and texts, without places; None where nothing was written after a key.

    Such keys are kept: in `{price: 0,4118}` YAML sees a price of 0 and an empty `4118`, which must not pass unseen.
    """
    match node:
        case Scalar(text=text):
            return text
        case Items(items=items):
            return [plain(item) for item in items]
        case Fields(values=values):
            return {key: plain(value) for key, value in values.items()}


def inner(node: Node, *way: str | int) -> Node | None:
    """The node that is reached by these keys and indexes; None: it was not written."""
    found: Node | None = node
    for step in way:
        match found:
            case Fields(values=values):
                found = values.get(str(step))
            case Items(items=items) if isinstance(step, int) and step < len(items):
                found = items[step]
            case _:
                return None
    return found


def place_of(node: Node, *way: str | int) -> Place:
    """The place of a value; of its key, where it was left empty; of what should hold it, where it was not written."""
    value = inner(node, *way)
    is_empty = value is None or value == Scalar(place=value.place, text=None)
    return key_place(node, *way) if way and is_empty else (value or node).place


def key_place(node: Node, *way: str | int) -> Place:
    """The place of the last key of the way; of what should hold it, where it was not written."""
    *before, last = way
    holder = inner(node, *before)
    return holder.keys.get(str(last), holder.place) if isinstance(holder, Fields) else place_of(node, *before)


class _Builder:
    """Makes nodes of the parser's events, and notes what can be passed over for the moment."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.problems: list[Problem] = []
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._anchored: dict[str, tuple[Node, int]] = {}  # the node, and how many nodes it is
        self._nodes = 0

    def document(self) -> Node:
        next(self._events)  # of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            _refuse(Place(self.file), "the file is empty: write what it should hold, or remove it")
        node = self._node(next(self._events), 0)
        next(self._events)  # the document's end
        if not isinstance(event := next(self._events), yaml.StreamEndEvent):
            self._note(self._place(event), "a second document begins here: a file holds one, remove the line `---`")
        return node

    def _node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        place, before = self._place(event), self._nodes
        self._count(place, 1)
        if depth > DEPTH_MAX:
            _refuse(place, f"nested more than {DEPTH_MAX} deep: check the brackets and the indentation")
        if event.tag is not None:
            self._note(place, f"the tag `{event.tag}` has no meaning here: remove it, values are read by their field")
        node = self._content(event, place, depth)
        if event.anchor is not None:
            self._anchored[event.anchor] = node, self._nodes - before
        return node

    def _content(self, event: Any, place: Place, depth: int) -> Node:
        match event:
            case yaml.SequenceStartEvent():
                return Items(place=place, items=tuple(self._items(depth)))
            case yaml.MappingStartEvent():
                return self._fields(place, depth)
            case _:
                return self._scalar(event, place)

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _fields(self, place: Place, depth: int) -> Fields:
        keys: dict[str, Place] = {}
        values: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, value = self._node(event, depth + 1), self._node(next(self._events), depth + 1)
            if not isinstance(key, Scalar) or key.text is None:
                self._note(key.place, "a key must be a plain word: write `key: value`")
            elif key.text in keys:
                first = keys[key.text]
                self._note(key.place, f"`{key.text}` is given twice, first on line {first.line}: keep one of the two")
            else:
                keys[key.text], values[key.text] = key.place, value
        return Fields(place=place, keys=keys, values=values)

    def _scalar(self, event: Any, place: Place) -> Scalar:
        is_plain = event.implicit[0] and event.style in (None, "")
        if is_plain and event.end_mark.line > event.start_mark.line and event.value:
            self._note(place, "the text runs on over its line: check the indentation below it, or put it in quotes")
        return Scalar(place=place, text=None if is_plain and event.value in ("", "~") else event.value)

    def _alias(self, event: Any) -> Node:
        place = self._place(event)
        if event.anchor not in self._anchored:
            _refuse(place, f"`*{event.anchor}` stands for nothing that ends above it: define it with `&{event.anchor}` first")
        node, size = self._anchored[event.anchor]
        self._count(place, size)
        return node

    def _count(self, place: Place, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > NODES_MAX:
            _refuse(place, f"more than {NODES_MAX} values, with aliases written out: split the file")

    def _note(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, "", message))

    def _place(self, event: Any) -> Place:
        return Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)


def _text(body: bytes, file: str) -> str:
    if len(body) > BYTES_MAX:
        _refuse(Place(file), f"larger than {BYTES_MAX} bytes: split the file")
    try:
        text = body.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        wrong = body[error.start]
        _refuse(_after(body[: error.start].decode(), file), f"byte 0x{wrong:02X} is not UTF-8: save the file as UTF-8")
    if found := _UNPRINTABLE.search(text):
        _refuse(_after(text[: found.start()], file), f"a control character (U+{ord(found[0]):04X}) stands here: remove it")
    return text


def _after(text: str, file: str) -> Place:
    """The place of what follows this text."""
    return Place(file, text.count("\n") + 1, len(text) - text.rfind("\n"))


def _explained(error: yaml.MarkedYAMLError, text: str, file: str) -> tuple[Place, str]:
    """The parser's complaint, in words for those who do not know YAML's grammar."""
    mark = error.problem_mark or error.context_mark
    assert mark is not None, "libyaml marks every problem"
    place = Place(file, mark.line + 1, mark.column + 1)
    line = text.splitlines()[mark.line] if mark.line < len(text.splitlines()) else ""
    if line[mark.column : mark.column + 1] == "\t":
        return place, "a tab: indent with spaces"
    if "mapping values are not allowed" in (error.problem or ""):
        return place, "a second `: ` in one line: put the value in quotes, or check the indentation"
    if "cannot start any token" in (error.problem or ""):
        return place, f"a value cannot begin with `{line[mark.column]}`: put it in quotes"
    since = f" (in what began on line {error.context_mark.line + 1})" if error.context_mark else ""
    return place, f"not YAML: {error.problem}{since}: check indentation, quotes and brackets"


def _refuse(place: Place, message: str) -> NoReturn:
    raise YamlErrors((Problem(place, "", message),))
