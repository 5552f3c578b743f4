"""Local time, by the zone rules of the pinned `tzdata` package and never by the machine's own copy.

The rules are part of a price: they say when a night tariff begins and on which day a session ended. Two machines, and the
same machine in ten years, must read the same ones.
"""

from functools import cache
from importlib.resources import files
from io import BytesIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@cache
def zone(name: str) -> ZoneInfo:
    """The rules of an IANA zone such as "Europe/Berlin". Raises ZoneInfoNotFoundError where there is no such zone."""
    known = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    if name not in known:
        raise ZoneInfoNotFoundError(f"no time zone is called {name!r}")
    return ZoneInfo.from_file(BytesIO(files("tzdata.zoneinfo").joinpath(*name.split("/")).read_bytes()), key=name)
