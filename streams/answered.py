"""Which StartTransaction a CSMS's answer is the answer to.

An answer bears its request's message id and nothing else of it, and that id is unique on one connection only (OCPP-J 1.6
§4.1.4): a station that booted begins again with 1, and a CSMS that lost its counter gives transaction 1 again. So the answer is
to the latest start before it that came under its message id, whether that start was new or told again; and it is kept as an
event that names the start. Else the second day's answer would be the first day's, told twice.

Before it is known as an event, and in the order of the messages: what is folded away later counts here too.
"""

from typing import NamedTuple

from msgspec import structs

from vocabulary.charging import StartAnswered, StartRequested
from vocabulary.identity import EventId

REQUESTS = 16  # so many starts of a station are remembered, the newest

Asked = tuple[tuple[str, EventId], ...]  # message ids with the start that each carried last, the newest last


class Joined(NamedTuple):
    """What is remembered after an event, and the event; an answer then names its start."""

    asked: Asked
    event: StartRequested | StartAnswered


def with_request(asked: Asked, request: StartRequested) -> Asked:
    newest = (request.message_id, request.start)
    return asked if asked[-1:] == (newest,) else (*(one for one in asked if one[0] != newest[0]), newest)[-REQUESTS:]


def start_under(asked: Asked, message_id: str) -> EventId | None:
    return next((start for known, start in asked if known == message_id), None)


def joined(asked: Asked, event: StartRequested | StartAnswered) -> Joined:
    if isinstance(event, StartRequested):
        return Joined(with_request(asked, event), event)
    start = start_under(asked, event.message_id)
    return Joined(asked, event if event.start == start else structs.replace(event, start=start))
