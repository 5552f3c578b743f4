"""When two clocks are apart: a station's and the one of whoever received its message."""

from datetime import timedelta

APART = timedelta(minutes=5)  # what is nearer is the way that a message takes; what is later has waited, or its clock is behind
_QUARTER = timedelta(minutes=15)
_NEAR = timedelta(minutes=1)
_LEAST, _MOST = timedelta(hours=1), timedelta(hours=14)  # of the offsets from UTC that civil time has anywhere


def quarter_hours(offset: timedelta) -> timedelta | None:
    """The whole quarter hours, from 1 h to 14 h either way, that an offset is within a minute of; else None."""
    whole = _QUARTER * ((offset + _QUARTER / 2) // _QUARTER)
    return whole if abs(offset - whole) <= _NEAR and _LEAST <= abs(whole) <= _MOST else None
