"""Let an administrator's program see, register and revoke meter keys: `/v1/meter-keys` of the door for HTTP.

    GET  /v1/meter-keys?evse_id=…    200  the keys that are trusted, of one EVSE or of all      role admin or auditor
    POST /v1/meter-keys              201  registered    200  it was trusted so already          role admin
    POST /v1/meter-keys/revoke       201  revoked       200  it was revoked already             role admin

    400  the body cannot be read, or names no key or EVSE     409  it contradicts what is registered
    and what the door answers to whoever publishes messages: 401, 403, 408, 413, 429, 503

This file decides nothing about keys: `register` does. A body is JSON, read into a shape of few fields; neither keys nor bodies
are in a log line. Repeating a body is harmless.
"""

import json
from collections.abc import Callable, Coroutine
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Protocol, TypeVar

import msgspec
from fastapi import Request, Response
from pydantic import BaseModel

from ingest.batches import BatchFault
from ingest.http_server import LogAway, MessageDoor, Refusal, Refused, Told, answered, refused
from vocabulary.access import Role

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
T = TypeVar("T")


class KeyToAdd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    evse_id: str
    public_key: str
    meter: str = ""
    valid_from: Instant | None = None
    valid_until: Instant | None = None
    registers: tuple[str, ...] = ()


class KeyToRevoke(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`valid_until`: from when on it is not trusted any more; None: now. `entirely`: it was never to be trusted there."""

    evse_id: str
    fingerprint: str
    reason: str
    valid_until: Instant | None = None
    entirely: bool = False


class KeyRefused(Exception):  # not an error of ours: on its way to an answer
    def __init__(self, told: str, is_conflict: bool) -> None:
        super().__init__(told)
        self.told, self.is_conflict = told, is_conflict


class KeyRegister(Protocol):
    """The side of the log. Each raises KeyRefused, LogAway."""

    async def listed(self, evse_id: str | None) -> Told: ...

    async def add(self, key: KeyToAdd, by: str) -> Told: ...

    async def revoke(self, key: KeyToRevoke, by: str) -> Told: ...


class MeterKey(BaseModel):
    """A key that is trusted at an EVSE, or was."""

    evse_id: str
    site: str | None
    meter: str
    curve: str
    fingerprint: str
    """SHA-256 of the DER public key, hex."""
    public_key: str
    valid_from: datetime | None
    valid_until: datetime | None
    registers: list[str]
    source: str
    revoked: str
    by: str


class MeterKeys(BaseModel):
    keys: list[MeterKey]


class Held(BaseModel):
    session: str
    finding: str | None


class Sessions(BaseModel):
    """What became of the sessions that were held at the EVSE. `done` false: they are checked again later."""

    checked: int
    billable: list[str]
    held: list[Held]
    done: bool


class Registered(BaseModel):
    new: bool
    key: dict[str, Any] | None
    sessions: Sessions


class NewKey(BaseModel):
    """The body of POST /v1/meter-keys."""

    evse_id: str
    public_key: str
    """DER in hex or base64, PEM, its point, or `oca:…`."""
    meter: str = ""
    """Its serial number; empty: any meter that signs with this key."""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    registers: list[str] = []


class RevokedKey(BaseModel):
    """The body of POST /v1/meter-keys/revoke."""

    evse_id: str
    fingerprint: str
    """At least its first four digits."""
    reason: str
    valid_until: datetime | None = None
    """From when on it is not trusted any more; left out: now."""
    entirely: bool = False
    """It was registered by a slip, and was never to be trusted there: instead of `valid_until`."""


_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refused} for status in (400, 401, 403, 408, 409, 413, 415, 429, 503)
}
_ADMINS, _READERS = (Role.ADMIN,), (Role.ADMIN, Role.AUDITOR)


class MeterKeyDoor:
    """Adds its paths to the application of the door for messages, whose tokens and bounds hold here as well."""

    def __init__(self, door: MessageDoor, register: KeyRegister, log: Callable[..., None]) -> None:
        self._door, self._register, self._log = door, register, log
        add = door.app.add_api_route
        security: dict[str, Any] = {"security": [{"bearer": []}]}
        parameter = {"name": "evse_id", "in": "query", "required": False, "schema": {"type": "string"}}
        add(
            "/v1/meter-keys",
            self._list,
            methods=["GET"],
            response_model=None,
            summary="The meter keys that are trusted",
            responses={200: {"model": MeterKeys}, **_REFUSALS},
            openapi_extra=security | {"parameters": [parameter]},
        )
        for path, act, shape, summary in (
            ("/v1/meter-keys", self._add, NewKey, "Trust a meter key at an EVSE"),
            ("/v1/meter-keys/revoke", self._revoke, RevokedKey, "End the trust in a meter key"),
        ):
            body = {"required": True, "content": {"application/json": {"schema": shape.model_json_schema()}}}
            add(
                path,
                act,
                methods=["POST"],
                response_model=None,
                summary=summary,
                responses={200: {"model": Registered}, 201: {"model": Registered}, **_REFUSALS},
                openapi_extra=security | {"requestBody": body},
            )

    async def _list(self, request: Request) -> Response:
        async def listed() -> Told:
            await self._door.admitted(request.headers, _READERS)
            return await self._register.listed(request.query_params.get("evse_id"))

        return await self._answered(request, listed)

    async def _add(self, request: Request) -> Response:
        async def added() -> Told:
            key, by = await self._body(request, KeyToAdd)
            return await self._register.add(key, by)

        return await self._answered(request, added)

    async def _revoke(self, request: Request) -> Response:
        async def revoked() -> Told:
            key, by = await self._body(request, KeyToRevoke)
            return await self._register.revoke(key, by)

        return await self._answered(request, revoked)

    async def _answered(self, request: Request, act: Callable[[], Coroutine[None, None, Told]]) -> Response:
        try:
            told = await self._known(act)
        except Refusal as refusal:
            self._log("meter_key_refused", status=int(refusal.status), reason=refusal.reason)
            return refused(refusal)
        self._log("meter_keys_told", method=request.method, path=request.url.path, status=told.status)
        return answered(told)

    async def _known(self, act: Callable[[], Coroutine[None, None, Told]]) -> Told:
        try:
            return await act()
        except KeyRefused as error:
            status = HTTPStatus.CONFLICT if error.is_conflict else HTTPStatus.BAD_REQUEST
            raise Refusal(status, BatchFault.METER_KEY, error.told) from None
        except LogAway:
            remedy = "send the same body again"
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, BatchFault.LOG_AWAY, remedy, Retry_After="5") from None

    async def _body(self, request: Request, shape: type[T]) -> tuple[T, str]:
        """What was sent, and the name of the token that sent it."""
        token = await self._door.admitted(request.headers, _ADMINS)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            remedy = "send Content-Type: application/json"
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, BatchFault.OTHER_TYPE, remedy, Connection="close")
        with self._door.room(token):
            body = await self._door.body(request)
            try:
                read = msgspec.json.decode(body, type=shape)
                json.loads(body, object_pairs_hook=_once)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
                raise KeyRefused(f"the body cannot be read: {error}", is_conflict=False) from None
            return read, token.name


def _once(pairs: list[tuple[str, object]]) -> None:
    """Of two values of one name, a proxy may have looked at the first and we at the last."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name stands twice in an object")
