"""The token that a station presents, in whatever call: what must be known to answer it, before anything is decoded.

1.6   Authorize, StartTransaction, StopTransaction   idTag
2.x   Authorize, TransactionEvent                    idToken.idToken
"""

import msgspec
from msgspec import Struct

from ingest.envelope import Call, open_frame
from ingest.fields import Refused
from vocabulary.charging import Protocol
from vocabulary.identity import TokenUid


class _IdToken(Struct, rename="camel"):
    id_token: str | None = None
    type: object = None


class _With16(Struct, rename="camel"):
    id_tag: str | None = None


class _With2x(Struct, rename="camel"):
    id_token: _IdToken | None = None


_WITH_16, _WITH_2X = msgspec.json.Decoder(_With16), msgspec.json.Decoder(_With2x)


class Presented(Struct, frozen=True):
    """The action of a call, and the token in it; None: it has none, or none that can be read. `is_for_all`: the station asks
    for no token, and says so (2.x part 2, C02).
    """

    action: str
    token: TokenUid | None
    is_for_all: bool = False


def presented(frame: str, protocol: Protocol) -> Presented | None:
    """None: the frame is no call."""
    try:
        call = open_frame(frame)
    except Refused:
        return None
    if not isinstance(call, Call):
        return None
    text, kind = _token(call.payload, protocol)
    is_for_all = call.action == "TransactionEvent" and kind == "NoAuthorization" and text == ""
    return Presented(call.action, TokenUid(text) if text else None, is_for_all)


def _token(payload: msgspec.Raw, protocol: Protocol) -> tuple[str | None, object]:
    """A token as it stands there, and its type, which 1.6 has not."""
    try:
        if protocol is Protocol.OCPP16:
            return _WITH_16.decode(payload).id_tag, None
        found = _WITH_2X.decode(payload).id_token or _IdToken()
        return found.id_token, found.type
    except msgspec.DecodeError:
        return None, None
