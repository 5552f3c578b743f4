"""The fields of tariff documents, read exactly, and what is answered where one cannot be read.

Numbers are texts, integers or exact decimals; a float has lost its digits and is refused (read JSON with
`parse_float=Decimal`). A field that is null was not given. What is not text, number or date is never repeated in an answer,
and of a long one the beginning: documents come from outside.
"""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, NoReturn

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tariffs.rounding import tidy

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)  # the beginning of a validity that a document does not tell
_SHOWN_MAX = 60
_DIGITS_MAX = 40  # before the point or after it: more are no price, and writing 1E+999999999 out would fill the memory


class TariffRefused(ValueError):
    """A document that is no tariff of ours; `complaints` are sentences, each with the way to its field."""

    def __init__(self, complaints: tuple[str, ...]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints


def complaints(error: ValidationError, whole: str = "the tariff") -> tuple[str, ...]:
    """What pydantic found, in words: "elements[1].restrictions.max_power: ...". `whole`: what has no field of its own."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return tuple(f"{path(one['loc'], whole)}: {_sentence(one['type'], one['msg'])}" for one in found)


def path(location: tuple[int | str, ...], whole: str = "the tariff") -> str:
    """The way to a field; items of a list count from 1, as elements do wherever they are told."""
    steps = (f"[{step + 1}]" if isinstance(step, int) else f".{step[:_SHOWN_MAX]}" for step in location)
    return "".join(steps).lstrip(".") or whole


def _sentence(kind: str, message: str) -> str:
    known = {
        "missing": "must be given",
        "extra_forbidden": "there is no such field; check its spelling",
        "tuple_type": "takes a list",
        "model_type": "takes fields, each with its name",
    }
    return known.get(kind, message.removeprefix("Value error, ").replace("Input should be", "write", 1))


def written_as(pattern: str, example: str) -> BeforeValidator:
    """The text of a value, which must match; anything else is answered with an example."""

    def text(value: object) -> object:
        if value is None:
            return None
        if not isinstance(value, str | int | Decimal | date | time):
            came = "it" if isinstance(value, dict | list | tuple) else str(value)[:_SHOWN_MAX]
            raise ValueError(f"{came} came as a {type(value).__name__}; write it as a text, or read numbers as Decimal")
        written = _written(value)
        if isinstance(value, bool) or not re.fullmatch(pattern, written, re.ASCII):
            raise ValueError(f"{written[:_SHOWN_MAX]!r} cannot be read; write for example {example}{_below_zero(written)}")
        return written

    return BeforeValidator(text)


def _below_zero(written: str) -> str:
    is_below = re.fullmatch(r"-\d[\d.]{0,30}", written, re.ASCII)
    return "; nothing is below zero: what vehicles feed back is a price of ENERGY_EXPORT, above it" if is_below else ""


def _written(value: str | int | Decimal | date | time) -> str:
    match value:
        case Decimal() if value.is_finite() and abs(value.adjusted()) <= _DIGITS_MAX:
            return format(value, "f")
        case int() if abs(value) > 10**_DIGITS_MAX:
            return "a number of too many digits"
        case _:
            return str(value)


def not_taken(sentence: str) -> BeforeValidator:
    """A field that is refused whatever it says, with the reason and the remedy."""

    def refuse(value: object) -> None:
        if value is not None:
            raise ValueError(sentence)

    return BeforeValidator(refuse)


def _truth(value: object) -> object:
    match value:
        case bool() | None:
            return value
        case "true" | "false":
            return value == "true"
        case _:
            raise ValueError("must be true or false")


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the calendar; write for example 2026-01-01T00:00:00+01:00") from None


def tidied(number: Decimal | None) -> Decimal | None:
    return None if number is None else tidy(number)


def some(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("at least one must be given")
    return values


def above(name: str, bound: Any, least: Any) -> None:
    """An exclusive upper bound that is not above its lower bound is refused."""
    if bound is not None and bound <= least:
        raise ValueError(f"{name} {bound} is an exclusive bound and not above {least}: the element would never apply")


def no_tariff(raw: object) -> NoReturn:
    raise TariffRefused((f"the tariff: came as a {type(raw).__name__}; write an object, with fields",))


_INSTANT = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
_TIME = r"([01]\d|2[0-3]):[0-5]\d"

Exact = Annotated[Decimal, written_as(r"\d{1,12}(\.\d{1,12})?", "0.45")]
Price = Annotated[Decimal, written_as(r"\d{1,5}(\.\d{1,9})?", "0.45; at most 99999, with at most 9 decimals")]
Signed = Annotated[Decimal, written_as(r"-?\d{1,5}(\.\d{1,9})?", "0.00 or -0.05; at most 9 decimals")]
Factor = Annotated[Decimal, written_as(r"\d{1,3}(\.\d{1,9})?", "1.05; at most 9 decimals"), Field(gt=0)]
Percent = Annotated[Decimal, written_as(r"\d{1,3}(\.\d{1,6})?", "19; at most 6 decimals"), Field(le=100)]
Whole = Annotated[int, written_as(r"\d{1,9}", "60")]
TimeOfDay = Annotated[time, written_as(_TIME, '"22:00", in quotes; the end of the day is "00:00"')]
Day = Annotated[date, written_as(r"\d{4}-\d\d-\d\d", "2026-12-31")]
Instant = Annotated[datetime, AfterValidator(_utc), written_as(_INSTANT, "2026-01-01T00:00:00+01:00")]
Truth = Annotated[bool, BeforeValidator(_truth)]

upper = BeforeValidator(_upper)


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
