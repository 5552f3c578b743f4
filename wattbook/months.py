"""Months as people name them: "2026-10"."""

import calendar
import re
from datetime import date
from typing import NamedTuple


class Month(NamedTuple):
    """First and last day, both inclusive."""

    first: date
    last: date


class NotAMonth(ValueError):
    pass


def month_of(text: str) -> Month:
    """The month that a text names. Raises NotAMonth, which says what is wanted."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise NotAMonth(f"--month: {text!r} is not a month: write it as YYYY-MM, for example 2026-10")
    year, month = (int(part) for part in text.split("-"))
    if not 1970 <= year < 3000:
        raise NotAMonth(f"--month: nobody charged in {text}; months are from 1970-01 to 2999-12")
    return Month(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))
