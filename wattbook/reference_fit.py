"""Fit an item into its shape, or say at which places and why it does not fit, in words that name the remedy."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from wattbook.reference_yaml import Node, Problem, key_place, place_of, plain
from wattbook.suggest import did_you_mean

S = TypeVar("S", bound=BaseModel)
_PERSONAL = {"holder", "tokens", "token", "public_key"}  # never repeated in a message; the last may be a private one by mistake


class Misfit(NamedTuple):
    problems: tuple[Problem, ...]


def fit(shape: type[S], node: Node, path: str) -> S | Misfit:
    """The node as this shape. `path` leads to the node: `sites[2]`."""
    try:
        return shape.model_validate(plain(node))
    except ValidationError as error:
        return Misfit(tuple(_problem(detail, shape, node, path) for detail in error.errors(include_url=False)))


def path_to(path: str, *way: str | int) -> str:
    """The way to a field as people read it; items of a list count from 1, as lines do."""
    return path + "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in way)


def _problem(detail: ErrorDetails, shape: type[BaseModel], node: Node, path: str) -> Problem:
    way = detail["loc"]
    if detail["type"] == "extra_forbidden":
        return Problem(key_place(node, *way), path_to(path, *way), _unknown(detail, _fields(shape, way[:-1])))
    return Problem(place_of(node, *way), path_to(path, *way), _sentence(detail))


def _unknown(detail: ErrorDetails, known: list[str]) -> str:
    if detail["input"] is None:  # what YAML makes of `{price: 0,45}` and of `{street: Long Street, 5}`
        return "is no field here, and has no value: put text with a comma in quotes, and write decimals with a point"
    return f"is no field here{did_you_mean(str(detail['loc'][-1]), known)}: correct it, or remove it"


def _sentence(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    said = str(context.get("error", ""))
    match detail["type"]:
        case "missing":
            return "is missing: add it"
        case _ if detail["input"] is None:
            return "has no value: write one, or remove it"
        case "string_type":
            return "takes one value: write it beside its key"
        case "tuple_type" | "list_type":
            return "takes a list: begin each item with `- `"
        case "model_type" | "dict_type":
            return "takes fields: write each as `field: value` on a line below, indented"
        case "string_too_short":
            return "is empty: write a value"
        case "string_too_long":
            return f"is too long: write at most {context['max_length']} characters"
        case "literal_error" | "enum":
            return _echo(detail) + _choice(detail["input"], re.findall(r"'([^']*)'", context["expected"]))
        case "value_error":
            return said if repr(detail["input"]) in said else _echo(detail) + said
        case "string_pattern_mismatch":
            return _echo(detail) + f"is not written as it must be: correct it to match {context['pattern']}"
        case _:
            return _echo(detail) + f"does not fit: {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _choice(word: Any, known: list[str]) -> str:
    choices = f"write one of {', '.join(known)}" if len(known) <= 10 else "write it as the standard does"
    return f"is not known{did_you_mean(str(word), known)}: {choices}"


def _echo(detail: ErrorDetails) -> str:
    """The value, where it is short and says nothing about a person."""
    is_shown = isinstance(detail["input"], str) and len(detail["input"]) <= 60 and not _PERSONAL & set(detail["loc"])
    return f"`{detail['input']}` " if is_shown else ""


def _fields(shape: type[BaseModel], way: tuple[str | int, ...]) -> list[str]:
    """The names of the fields at the end of this way through shapes within shapes."""
    for step in way:
        if isinstance(step, str):
            shape = next(_shapes_in(shape.model_fields[step].annotation), shape)
    return list(shape.model_fields)


def _shapes_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _shapes_in(inner)
