"""A case that needs more than frames: what came when, one line each, in the order in which it came.

    2026-03-10T08:00:00Z CP7 > [2,"s7","StartTransaction",{…}]    a frame, as `wattbook import` reads it
    2026-03-13T10:00:00Z tick                                     the office's clock ticks
    2026-03-13T11:00:00Z release CP7 7  Ada: the driver agrees    what a person decides about a session, and why
    2026-03-13T11:00:00Z drop CP7 7  Ada: a test of the meter
    2026-03-13T11:00:00Z re-rate CP7 7  Ada: the price was wrong
    2026-04-02T08:00:00Z invoice 2026-03                          an invoice run
    2026-03-11T08:00:00Z publish contract B                       somebody is given the token B
    2026-03-11T08:00:00Z publish price 0.50                       the tariff is corrected: net, by the kWh, and nothing else
    2026-03-11T08:00:00Z publish CP7/1 22 kW, also CP8/1          the EVSE's power, and under which other names it stands
    2026-03-11T08:00:00Z publish CP9/1 150 kW DC                  one that is none of AC
    2026-03-11T08:00:00Z publish CP9/1 3 kW for 6000 Wh           batteries of 6 kWh are swapped there
    2026-03-11T08:00:00Z publish CP9/1 22 kW, signed              one whose signed values are required
    2026-03-11T08:00:00Z publish key CP9/1 M1                     the key of the demo meter M1 is trusted there
    2026-03-11T08:00:00Z publish key CP9/1 M1 until 2026-03-10T08:00:00Z, revoked: stolen

A session is named by its station and transaction; an end whose start was never told by the same. Facts that are published hold
from the beginning on, and the site with its EVSEs, a contract for each token of the frames, and the tariff are there from the
beginning. Blank lines and lines that begin with `#` say nothing.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from ingest.captures import read_line
from vocabulary.billing import InvoiceRunRequested
from vocabulary.charging import RawMessage
from vocabulary.reference import ClockTicked, Decision, MeterKey
from wattbook.demo_meter import DemoMeter

_LINE = re.compile(r"(?P<at>\S+) (?P<what>(?P<word>tick|release|drop|re-rate|invoice|publish)\b *(?P<rest>.*))")
_DECISION = re.compile(r"(?P<station>\S+) (?P<transaction>\S+)  (?P<by>[^:]+): (?P<reason>.+)")
_EVSE = re.compile(
    r"(?P<station>\S+)/(?P<number>\d+) (?P<power>\d+) kW(?P<dc> DC)?"
    r"(?: for (?P<battery>\d+) Wh)?(?P<signed>, signed)?(?:, also (?P<also>\S+(?: \S+)*))?"
)
_KEY = re.compile(
    r"key (?P<station>\S+)/(?P<number>\d+) (?P<meter>\w+)"
    r"(?: from (?P<since>[0-9TZ:-]+))?(?: until (?P<until>[0-9TZ:-]+))?(?:, revoked: (?P<revoked>.+))?"
)


class Decided(NamedTuple):
    """A decision about a session that is named as people know it."""

    station: str
    transaction: str
    decision: Decision
    by: str
    reason: str
    at: datetime


class EvseIs(NamedTuple):
    """`also`: the other names, each a station and a number."""

    station: str
    number: int
    power_w: int
    also: tuple[tuple[str, int], ...]
    power_type: str = "AC_3_PHASE"
    battery_wh: int = 0
    signatures: str = "preferred"


class KeyIs(NamedTuple):
    """A meter's key at an EVSE."""

    station: str
    number: int
    key: MeterKey
    revoked: str


class HasToken(NamedTuple):
    token: str


class CostsNow(NamedTuple):
    price_per_kwh: Decimal


class Told(NamedTuple):
    """A line, as it is shown, and what it says."""

    line: str
    says: RawMessage | ClockTicked | InvoiceRunRequested | Decided | EvseIs | HasToken | CostsNow | KeyIs


def story_of(text: str) -> list[Told]:
    return [_told(line, number) for number, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]


def _told(line: str, number: int) -> Told:
    found = _LINE.fullmatch(line)
    if found is None:
        frame = read_line(line.encode(), number)
        assert isinstance(frame, RawMessage), f"line {number} is none: {frame}"
        return Told(line, frame)
    at, rest = datetime.fromisoformat(found["at"]), found["rest"]
    match found["word"]:
        case "tick":
            return Told(line, ClockTicked(at=at))
        case "invoice":
            month = date.fromisoformat(f"{rest}-01")
            return Told(line, InvoiceRunRequested(month=f"{month:%Y-%m}", issued_on=at.date(), requested_at=at))
        case "publish" if rest.startswith("contract "):
            return Told(line, HasToken(rest.removeprefix("contract ")))
        case "publish" if rest.startswith("price "):
            return Told(line, CostsNow(Decimal(rest.removeprefix("price "))))
        case "publish" if rest.startswith("key "):
            return Told(line, _key(rest))
        case "publish":
            return Told(line, _evse(rest))
        case decision:
            return Told(line, _decided(Decision(decision), rest, at))


def _decided(decision: Decision, rest: str, at: datetime) -> Decided:
    told = _DECISION.fullmatch(rest)
    assert told is not None, f"write STATION TRANSACTION, two blanks, NAME: REASON, not {rest}"
    return Decided(told["station"], told["transaction"], decision, told["by"], told["reason"], at)


def _evse(rest: str) -> EvseIs:
    told = _EVSE.fullmatch(rest)
    assert told is not None, f"write STATION/NUMBER 22 kW, also STATION/NUMBER, not {rest}"
    names = [name.rpartition("/") for name in (told["also"] or "").split()]
    also = tuple((station, int(number)) for station, _, number in names)
    power_type = "DC" if told["dc"] else "AC_3_PHASE"
    power_w, battery_wh = 1000 * int(told["power"]), int(told["battery"] or 0)
    signatures = "required" if told["signed"] else "preferred"
    return EvseIs(told["station"], int(told["number"]), power_w, also, power_type, battery_wh, signatures)


def _key(rest: str) -> KeyIs:
    told = _KEY.fullmatch(rest)
    assert told is not None, f"write key STATION/NUMBER METER, from TIME, until TIME, not {rest}"
    since, until = (told[name] and datetime.fromisoformat(told[name]) for name in ("since", "until"))
    key = MeterKey(public_key=DemoMeter(told["meter"]).public_key(), valid_from=since, valid_until=until)
    return KeyIs(told["station"], int(told["number"]), key, told["revoked"] or "")
