"""What OCPP's schemas say of a frame, beside what was decoded from it all the same. Pure; beside the path, and never on it.

    CALL, SEND     judged by their action's schema
    CALLRESULT     by that of the other side's latest call before it with its message id; where there is none, not judged
    of a table     not judged: we wrote them from a row of a table, so they tell nothing of what the station sent
    errors         not judged: they have no schema
    no frame       a violation: OCPP-J itself is broken

A frame whose source does not tell the version is not judged, unless the caller says which it is.
"""

from enum import StrEnum

from msgspec import Struct

from ingest import steve_csv
from ingest.decode import decode, opened
from ingest.envelope import Call, Result, Send
from ingest.fields import Refused
from ingest.schema import violation
from vocabulary.charging import Direction, MessageRejected, Protocol, RawMessage
from vocabulary.codec import as_plain, event_id
from vocabulary.identity import StationId
from vocabulary.rules import RULES


class Judged(StrEnum):
    VALID = "valid"
    VIOLATES = "violates"
    NOT_JUDGED = "not judged"


class FrameVerdict(Struct, frozen=True, kw_only=True):
    """`found`: the violation and its place, or why nothing was judged. `events`: the kinds of event that were decoded.
    `rejection`: why none was. Neither shows a value of the frame, but `found` one that is none of a list's.
    """

    station: StationId
    direction: Direction
    protocol: Protocol | None
    action: str | None
    verdict: Judged
    found: str | None = None
    events: tuple[str, ...] = ()
    rejection: str | None = None


class FrameJudge:
    """Judges frames in the order in which they were sent; remembers calls for their answers."""

    def __init__(self, protocol: Protocol | None = None) -> None:
        """`protocol`: of frames whose source does not tell it."""
        self._protocol = protocol
        self._called: dict[tuple[StationId, Direction, str], str] = {}

    def __call__(self, message: RawMessage) -> FrameVerdict:
        protocol = message.protocol or self._protocol
        action, judged, found = self._judged(message, protocol)
        events = decode(message, event_id, RULES)
        rejected = next((event for event in events if isinstance(event, MessageRejected)), None)
        return FrameVerdict(
            station=message.station,
            direction=message.direction,
            protocol=protocol,
            action=action,
            verdict=judged,
            found=found,
            events=tuple(as_plain(event)["type"] for event in events if event is not rejected),
            rejection=f"{rejected.reason}: {rejected.detail}" if rejected else None,
        )

    def _judged(self, message: RawMessage, protocol: Protocol | None) -> tuple[str | None, Judged, str | None]:
        try:
            frame = opened(message)
        except Refused as refused:
            return None, Judged.VIOLATES, f"{refused.reason}: {refused.detail}"
        match frame:
            case Call() | Send():
                action, is_answer = frame.action, False
                self._called[message.station, message.direction, frame.id] = action
            case Result():
                found = self._called.get((message.station, _OTHER[message.direction], frame.id))
                if found is None:
                    return None, Judged.NOT_JUDGED, "an answer whose call is not among the frames before it"
                action, is_answer = found, True
            case _:
                return None, Judged.NOT_JUDGED, "an error, or one that cannot be read"
        if message.source is not None and message.source.form == steve_csv.FORM:
            return action, Judged.NOT_JUDGED, "written from a row of a table, where no frame is"
        if protocol is None:
            return action, Judged.NOT_JUDGED, "the version is not told"
        broken = violation(protocol, action, bytes(frame.payload).decode(), is_answer, is_send=isinstance(frame, Send))
        return action, Judged.VIOLATES if broken else Judged.VALID, broken


_OTHER = {Direction.FROM_STATION: Direction.TO_STATION, Direction.TO_STATION: Direction.FROM_STATION}
