"""What an OCMF payload says, in our words: tables 1 to 24 of the format's description.

Field data is looser than the description: versions and ids as numbers, values as padded text, types of charge points that
are none. Fields that nothing here depends on are not looked at. FV 0.1 to 0.4 wrote VI and VV for GI and GV,
the level of the identification in IS, and in each reading EI, a counter of events: where it rises within a record, something
happened to the meter, and what it counted is not good. Between two records it is not looked at.

`ID` is compared with the token where IT names a kind of token, says NONE, or is left out: what was signed as an identification
is one. A CENTRAL or LOCAL one may be the number of a transaction, a CARD_TXN_NR that of a payment: of these only a digest is
kept, as the meter's transaction, since begin and end must agree on it and it may still name a person. So it is with one that
is UNDEFINED, or of a kind that OCMF does not have, and is no token by its looks: stations write whole sentences there. DENIED
says that the meter may not tell whose it is, and what stands beside it is not looked at.
"""

import hashlib
import re
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from streams.signed.record import CannotJudge, SignedReading, in_wh, unreadable
from vocabulary.quantities import WattHours
from vocabulary.signatures import MeterClock, Nature, SignatureReason

_Sloppy = str | int | bool | None


class _Reading(msgspec.Struct, gc=False):
    """What is left out is as in the reading before (TM, TX, RI, RU, EF, ST), which only holds within a record."""

    TM: str | None = None
    TX: str | None = None
    RV: msgspec.Raw = msgspec.Raw()  # a number, or a text that holds one
    RU: str | None = None
    RI: str | None = None
    ST: str | None = None
    EF: str | None = None
    EI: int | str | None = None


class _Loss(msgspec.Struct, gc=False):
    LN: str | None = None
    LI: msgspec.Raw = msgspec.Raw()
    LR: msgspec.Raw = msgspec.Raw()
    LU: str | None = None


class Payload(msgspec.Struct, gc=False):
    FV: msgspec.Raw = msgspec.Raw(b'"1.0"')
    GS: _Sloppy = None
    MS: _Sloppy = None
    PG: _Sloppy = None
    IS: _Sloppy = None
    IL: _Sloppy = None
    IT: _Sloppy = None
    ID: _Sloppy = None
    CT: _Sloppy = None
    CI: _Sloppy = None
    LC: _Loss | None = None
    RD: list[_Reading] = []


_POWERS = {"kWh": 3, "Wh": 0, "kwh": 3, "wh": 0}  # of ten, to Wh
_NUMBER = re.compile(rb'"? *([+-]?[0-9]{1,40}(?:\.[0-9]{0,40})?(?:[eE][+-]?[0-9]{1,3})?) *"?')
_VERSION = re.compile(rb'"?([01](?:\.[0-9]{1,3})*)"?')
_PAGE = re.compile(r"([TF])([0-9]{1,18})")
_LETTERS_MAX = 2
_TIME_MAX = 40  # characters
_ADJUSTED_MAX = 18  # powers of ten: a register of a meter is far below
_NATURES = {
    "B": Nature.BEGIN,
    **dict.fromkeys("ELRAP", Nature.END),
    **dict.fromkeys("CST", Nature.INTERMEDIATE),
    "X": Nature.EXCEPTION,
}
_CLOCKS = {
    "S": MeterClock.SYNCHRONISED,
    "R": MeterClock.RELATIVE,
    "I": MeterClock.INFORMATIVE,
    "U": MeterClock.UNKNOWN,
}
_UNSAID, _UNKNOWN = Nature.UNSAID, MeterClock.UNKNOWN  # at hand: an enumeration's members take time to look up
_REFUSED = frozenset(["MISMATCH", "INVALID", "OUTDATED", "UNKNOWN"])
_TOKENS = frozenset(["", "NONE", "ISO14443", "ISO15693", "EMAID", "EVCCID", "EVCOID", "ISO7812", "PHONE_NUMBER", "KEY_CODE"])
_TRANSACTIONS = ("CENTRAL", "LOCAL", "CARD_TXN_NR")  # and CENTRAL_1, LOCAL_2
_DENIED = "DENIED"
_TOKEN = re.compile(r"[0-9A-Za-z*:-]{1,20}")  # as OCPP 1.6 lets one be told
_READINGS_MAX = 2_000  # a meter signs begin and end, or one reading each quarter of an hour


def version_of(payload: Payload) -> str:
    """Major and minor. Raises CannotJudge where the major is another than 0 or 1."""
    found = _VERSION.fullmatch(payload.FV)
    if found is None:
        raise CannotJudge(SignatureReason.FORMAT_UNKNOWN, "OCMF of another version than 0 and 1")
    return found[1].decode()


def meter_of(payload: Payload) -> str:
    """The serial number of the meter, else of the gateway that signs for it."""
    return _text(payload.MS) or _text(payload.GS)


def page_of(payload: Payload) -> tuple[int | None, bool]:
    """The number of the record, and whether it is counted among fiscal ones, which are of no transaction."""
    found = _PAGE.fullmatch(payload.PG) if isinstance(payload.PG, str) else None
    return (int(found[2]), found[1] == "F") if found else (None, False)


def identification_of(payload: Payload) -> tuple[str, str]:
    """A token, or the digest of what is none."""
    kind, text = _text(payload.IT).upper(), _text(payload.ID)
    if not text or kind == _DENIED:
        return "", ""
    if kind in _TOKENS or (not kind.startswith(_TRANSACTIONS) and _TOKEN.fullmatch(text)):
        return text, ""
    return "", hashlib.sha256(text.encode()).hexdigest()[:16]


def is_identification_refused(payload: Payload) -> bool:
    level = payload.IL if payload.IL is not None else payload.IS
    return isinstance(level, str) and level.strip().upper() in _REFUSED


def place_of(payload: Payload) -> str:
    return _text(payload.CI) if payload.CT == "EVSEID" else ""


def loss_of(payload: Payload) -> str:
    """ "cable 3 m, number 1, 12 mOhm"."""
    if payload.LC is None:
        return ""
    name, number, resistance, unit = payload.LC.LN, payload.LC.LI, payload.LC.LR, payload.LC.LU
    told = (name, number and f"number {_bare(number)}", resistance and f"{_bare(resistance)} {unit or ''}")
    return ", ".join(part.strip() for part in told if part)


def readings_of(payload: Payload) -> tuple[SignedReading, ...]:
    """All of them, each with what it has from the one before. Raises CannotJudge where there are more than a meter signs."""
    if len(payload.RD) > _READINGS_MAX:
        raise unreadable(f"more than {_READINGS_MAX} readings")
    readings: list[SignedReading] = []
    kind = unit = register = status = flags = ""
    at, clock, events = None, _UNKNOWN, None
    for one in payload.RD:
        if one.TM is not None:
            at, clock = _time(one.TM)
        kind = kind if one.TX is None else one.TX
        unit = unit if one.RU is None else one.RU
        register = register if one.RI is None else one.RI
        status = status if one.ST is None else one.ST
        flags = flags if one.EF is None else one.EF
        problem, detail = _problem(status, flags)
        if one.EI is not None:
            events = one.EI if events is None else events
            if events != one.EI and problem is None:
                problem, detail = SignatureReason.READING_NOT_GOOD, "an event was counted since the begin"
        nature = _NATURES.get(kind, _UNSAID)
        readings.append(SignedReading(nature, _wh(one.RV, unit), register, at, clock, problem, detail, "t" not in flags))
    return tuple(readings)


def _problem(status: str, flags: str) -> tuple[SignatureReason | None, str]:
    if status != "G":
        return SignatureReason.READING_NOT_GOOD, f"status {_letters(status)}"
    if "E" in flags:
        return SignatureReason.ENERGY_UNUSABLE, f"error flags {_letters(flags)}"
    return None, ""


def _letters(text: str) -> str:
    """As a detail tells it: letters are what the format has there, and any other text may name a person."""
    return (text if len(text) <= _LETTERS_MAX and text.isalpha() else "of no letter") if text else "missing"


def _time(text: str) -> tuple[datetime | None, MeterClock]:
    """ "2019-08-13T10:03:15,000+0200 I"; None where it is no time, or says not in which zone: no clock vouches for that."""
    time, _, state = text.strip().rpartition(" ")
    if len(time) > _TIME_MAX:
        return None, _UNKNOWN
    try:
        at = datetime.fromisoformat(time)
        return (at.astimezone(UTC), _CLOCKS.get(state, _UNKNOWN)) if at.tzinfo else (None, _UNKNOWN)
    except (ValueError, OverflowError):  # the first hour of the year 1 lies before all time in UTC
        return None, _UNKNOWN


def _wh(value: msgspec.Raw, unit: str) -> WattHours | None:
    """Exact, with the digits that came. Raises CannotJudge where it is said to be energy and is no number."""
    power = _POWERS.get(unit)
    if power is None:
        power = _POWERS.get(unit.strip().lower())
    if power is None or not value or value == b"null":
        return None
    found = _NUMBER.fullmatch(value)
    if found is None:
        raise unreadable("a value that is no number, or one of too many digits")
    number = Decimal(found[1].decode())
    if abs(number.adjusted()) > _ADJUSTED_MAX:
        raise unreadable("a value that no meter counts to")
    if number.is_signed():
        raise unreadable("a value below zero")
    return in_wh(number, power)


def _text(value: _Sloppy) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None or value is False else str(value)


def _bare(value: msgspec.Raw) -> str:
    """A JSON scalar's text, without quotes and blanks."""
    return bytes(value)[:40].decode(errors="replace").strip('" ')
