"""The token that a station presents, in whatever call: what must be known to answer it, before anything is decoded.

1.6   Authorize, StartTransaction, StopTransaction   idTag
2.x   Authorize, TransactionEvent                    idToken.idToken
"""

import msgspec
from msgspec import Struct

from ingest.envelope import Call, open_frame
from ingest.fields import Refused
from vocabulary.identity import TokenUid


class _IdToken(Struct, rename="camel"):
    id_token: str = ""


class _Presented(Struct, rename="camel"):
    id_tag: str | None = None
    id_token: _IdToken | None = None


_DECODER = msgspec.json.Decoder(_Presented)


class Presented(Struct, frozen=True):
    """The action of a call, and the token in it; None: it has none, or none that can be read."""

    action: str
    token: TokenUid | None


def presented(frame: str) -> Presented | None:
    """None: the frame is no call."""
    try:
        call = open_frame(frame)
    except Refused:
        return None
    return Presented(call.action, _token(call.payload)) if isinstance(call, Call) else None


def _token(payload: msgspec.Raw) -> TokenUid | None:
    try:
        found = _DECODER.decode(payload)
    except msgspec.DecodeError:
        return None
    text = found.id_tag or (found.id_token.id_token if found.id_token is not None else "")
    return TokenUid(text) if text else None
