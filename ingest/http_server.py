"""Let a CSMS publish messages: `POST /v1/messages`, many in one body, each with its own result. The door for HTTP.

    200  every item is in the log, now or from before      400  the body, or the Idempotency-Key, cannot be read
    207  the same, but for items that cannot be read       401  no token, or none that holds
    408  the body came too slowly                          403  a token of another role
    409  the key was used with another body                413  too large, or too much of something in it
    429  the token has enough bodies open                  415  another type or encoding
    503  the log is away, or others are publishing        404, 405  another path, or another method

Nothing is answered with 200 or 207 before all items that could be read are durable. Repeating a body is harmless: what the log
holds is `duplicate`. This file touches the outside and decides nothing about messages: `publish` makes them durable, `holder`
knows whose a token is. A body is a stranger's, and bounded in bytes, in time and in number; it is unpacked and read in threads
of its own, so that neither stations, whose sockets may be on the same loop, nor tokens and `/health` wait for that. Tokens and
bodies are in no log line.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import msgspec
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict

from ingest.batches import BODY_BYTES_MAX, ITEMS_MAX, BatchFault, Item, Unacceptable, read_batch, unpacked
from ingest.captures import Unreadable
from vocabulary.access import PREFIX, Role, Token
from vocabulary.charging import RawMessage

BODIES_MAX: Final = 4  # in memory at a time
BODIES_OF_A_TOKEN_MAX: Final = 2
PUBLISHERS: Final = (Role.PUBLISHER, Role.ADMIN)

_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
_ARRAY = "application/json"
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_TOKEN = re.compile(r"(?i:bearer) +(" + PREFIX + r"[A-Za-z0-9_-]{20,100}) *")
_TOO_MUCH = (BatchFault.TOO_LARGE, BatchFault.TOO_MANY_MEMBERS, BatchFault.TOO_MANY_BRACKETS, BatchFault.TOO_MANY)

R = TypeVar("R")


class Patience(NamedTuple):
    """How long a body may take: so many seconds, and one more for so many bytes that came; never more than the last, in all."""

    grace_s: float = 10
    bytes_per_s: int = 16 * 2**10
    longest_s: float = 120


PATIENCE: Final = Patience()


class Refusal(Exception):  # not an error of ours: on its way to an answer
    """What a publisher is answered instead of results. `reason` has its paragraph in docs/errors.md."""

    def __init__(self, status: HTTPStatus, reason: BatchFault, remedy: str, **headers: str) -> None:
        super().__init__(status, reason, remedy)
        self.status, self.reason, self.remedy = status, reason, remedy
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class LogAway(Exception):
    """The messages could not be made durable: what was tried may be in the log or not, and trying again is safe."""


class Keyed(NamedTuple):
    """Whose Idempotency-Key, and the SHA-256 of the body that came with it, unpacked."""

    token: str
    key: str
    body: bytes


class Told(NamedTuple):
    """An answer, as it was given or will be."""

    status: int
    body: bytes


class Health(NamedTuple):
    """`status`: `ok`, `log_away` or `spool_full`. `spool`: what waits in a tap's spool; None: this is no tap."""

    status: str
    spool: Mapping[str, int] | None


Answer = Callable[[Sequence[bool]], Told]
"""What is answered, from which messages were new to the log."""


class KeyReused(Exception):
    """The key came with another body before."""


class Publishing(Protocol):
    """The side of the log."""

    async def holder(self, secret: str) -> Token | None: ...

    async def told(self, keyed: Keyed) -> Told | None:
        """The answer that this body was given before. Raises KeyReused, LogAway."""

    async def publish(self, messages: Sequence[RawMessage], keyed: Keyed | None, answer: Answer) -> Told:
        """Durable when it returns, the answer with its key too. Raises LogAway."""

    async def health(self) -> Health: ...


class Result(BaseModel):
    """What became of one item."""

    item: int
    """Its place in the body, from 1; lines that say nothing do not count."""
    result: str
    """`accepted`: it is in the log now. `duplicate`: it was before. `unreadable`: it is not."""
    reason: str | None = None
    remedy: str | None = None


class Results(BaseModel):
    accepted: int
    duplicate: int
    unreadable: int
    results: list[Result]


class Refused(BaseModel):
    reason: str
    remedy: str


class MessageItem(BaseModel):
    """One OCPP-J frame, with what the transport knew of it. Other fields are ignored."""

    model_config = ConfigDict(extra="allow")

    station: str
    frame: list[Any] | str
    """The frame, kept character for character as it stands in the body; or a string that holds it."""
    at: str | None = None
    """When it was sent or received, RFC 3339. Say it: it tells a message from a later one with the same characters."""
    received_at: str | None = None
    """Another name of `at`."""
    protocol: str | None = None
    direction: str | None = None
    base64: bool = False


_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": Results, "description": "Every item is in the log."},
    207: {"model": Results, "description": "Every item that could be read is in the log."},
}
_RESPONSES.update((status, {"model": Refused}) for status in (400, 401, 403, 408, 409, 413, 415, 429, 503))


class MessageDoor:
    """The application for ASGI is `app`. `threads`: where bodies are read."""

    def __init__(
        self, publishing: Publishing, log: Callable[..., None], threads: Executor, patience: Patience = PATIENCE
    ) -> None:
        self._publishing, self._log, self._threads, self._patience = publishing, log, threads, patience
        self._open: Counter[str] = Counter()
        self.app = FastAPI(title="wattbook", version="1", docs_url=None, redoc_url=None)
        for status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
            self.app.add_exception_handler(status, _astray)
        self.app.add_api_route("/health", self._health, methods=["GET"], summary="Whether messages can be taken in")
        self.app.add_api_route(
            "/v1/messages",
            self._messages,
            methods=["POST"],
            response_model=None,
            summary="Publish OCPP messages",
            responses=_RESPONSES,
            openapi_extra=_described(),
        )

    async def _health(self) -> Response:
        health = await self._publishing.health()
        body = {"status": health.status} | ({} if health.spool is None else {"spool": health.spool})
        return answered(Told(200 if health.status == "ok" else 503, msgspec.json.encode(body)))

    async def _messages(self, request: Request) -> Response:
        try:
            told, facts = await self._take(request)
        except Refusal as refusal:
            self._log("batch_refused", status=int(refusal.status), reason=refusal.reason)
            return refused(refusal)
        self._log("batch_taken", status=told.status, **facts)
        return answered(told)

    async def _take(self, request: Request) -> tuple[Told, dict[str, object]]:
        token = await self.admitted(request.headers)
        is_array, is_packed = _kind(request.headers)
        key = _key(request.headers)
        with self.room(token):
            body = await self.body(request)
            facts: dict[str, object] = {"token": token.name, "bytes": len(body)}
            try:
                content, digest = await self._in_thread(_opened, body, is_packed)
                keyed = None if key is None else Keyed(token.name, key, digest)
                if keyed is not None and (before := await self._publishing.told(keyed)) is not None:
                    return before, facts | {"repeated": True}
                items = await self._in_thread(read_batch, content, is_array)
                messages = [item for item in items if isinstance(item, RawMessage)]
                told = await self._publishing.publish(messages, keyed, lambda new: _answer(items, new))
            except Unacceptable as unacceptable:
                is_too_much = unacceptable.fault in _TOO_MUCH
                status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if is_too_much else HTTPStatus.BAD_REQUEST
                raise Refusal(status, unacceptable.fault, unacceptable.remedy) from None
            except KeyReused:
                raise Refusal(HTTPStatus.CONFLICT, BatchFault.KEY_REUSED, "take a new key for a new body") from None
            except LogAway:
                raise Refusal(
                    HTTPStatus.SERVICE_UNAVAILABLE, BatchFault.LOG_AWAY, "send the same body again", Retry_After="5"
                ) from None
            return told, facts | {"items": len(items), "unreadable": len(items) - len(messages)}

    async def admitted(self, headers: Mapping[str, str], roles: Sequence[Role] = PUBLISHERS) -> Token:
        """Whose token came, if it is of one of these roles. Raises Refusal."""
        found = _TOKEN.fullmatch(headers.get("authorization", ""))
        try:
            token = await self._publishing.holder(found[1]) if found else None
        except LogAway:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE, BatchFault.LOG_AWAY, "send the same body again", Retry_After="5"
            ) from None
        if token is None:
            remedy = "send Authorization: Bearer and a token that `wattbook token create` made and nobody revoked"
            raise Refusal(HTTPStatus.UNAUTHORIZED, BatchFault.NO_TOKEN, remedy, WWW_Authenticate='Bearer realm="wattbook"')
        if token.role not in roles:
            remedy = f"this one is of the role {token.role}: use one of the role {' or '.join(roles)}"
            raise Refusal(HTTPStatus.FORBIDDEN, BatchFault.NOT_A_PUBLISHER, remedy)
        return token

    @contextmanager
    def room(self, token: Token) -> Iterator[None]:
        """A place for a body in memory, while it is there."""
        if self._open[token.name] >= BODIES_OF_A_TOKEN_MAX:
            remedy = f"send at most {BODIES_OF_A_TOKEN_MAX} bodies at a time with one token"
            raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, BatchFault.TOO_MANY_BODIES, remedy, Retry_After="1", Connection="close")
        if self._open.total() >= BODIES_MAX:
            remedy = "others are publishing; send the same body again"
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, BatchFault.BUSY, remedy, Retry_After="1", Connection="close")
        self._open[token.name] += 1
        try:
            yield
        finally:
            self._open -= Counter([token.name])

    async def body(self, request: Request) -> bytes:
        """All of it, or Refusal as soon as it is too long or too slow."""
        too_large = Refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            BatchFault.TOO_LARGE,
            f"a body may have {BODY_BYTES_MAX} bytes: send several",
            Connection="close",
        )
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and len(announced) < 20 and int(announced) > BODY_BYTES_MAX:
            raise too_large
        clock = asyncio.get_running_loop().time
        body, began = bytearray(), clock()
        try:
            while True:
                patience = self._patience.grace_s + len(body) / self._patience.bytes_per_s
                async with asyncio.timeout_at(began + min(patience, self._patience.longest_s)):
                    event = await request.receive()
                if event["type"] == "http.disconnect":
                    raise Refusal(HTTPStatus.BAD_REQUEST, BatchFault.CUT_OFF, "send all of it", Connection="close")
                body += event.get("body", b"")
                if len(body) > BODY_BYTES_MAX:
                    raise too_large
                if not event.get("more_body", False):
                    return bytes(body)
        except TimeoutError:
            remedy = f"send at least {self._patience.bytes_per_s} bytes a second, all within {self._patience.longest_s:g} s"
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, BatchFault.TOO_SLOW, remedy, Connection="close") from None

    async def _in_thread(self, function: Callable[..., R], *arguments: object) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


async def _astray(request: Request, _: Exception) -> Response:
    """No route takes the request."""
    paths = {"/v1/messages": "POST", "/health": "GET", "/openapi.json": "GET"}
    paths |= {"/v1/meter-keys": "GET, POST", "/v1/meter-keys/revoke": "POST"}
    if method := paths.get(request.url.path):
        remedy = f"use {method}"
        return refused(Refusal(HTTPStatus.METHOD_NOT_ALLOWED, BatchFault.OTHER_METHOD, remedy, Allow=method))
    remedy = "POST messages to /v1/messages; GET /v1/meter-keys, /health and /openapi.json"
    return refused(Refusal(HTTPStatus.NOT_FOUND, BatchFault.NO_SUCH_PATH, remedy))


def refused(refusal: Refusal) -> Response:
    body = msgspec.json.encode({"reason": refusal.reason, "remedy": refusal.remedy})
    return answered(Told(refusal.status, body), refusal.headers)


def _opened(body: bytes, is_packed: bool) -> tuple[bytes, bytes]:
    """What the body says, and its digest: the same whether it was packed, and however."""
    content = unpacked(body) if is_packed else body
    return content, sha256(content).digest()


def _kind(headers: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether the body is an array, and whether it is packed."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _ARRAY and kind not in _LINES:
        remedy = f"send Content-Type: {_LINES[0]} with one item a line, or {_ARRAY} with an array"
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, BatchFault.OTHER_TYPE, remedy, Connection="close")
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        remedy = "send Content-Encoding: gzip, or leave it out"
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, BatchFault.OTHER_ENCODING, remedy, Connection="close")
    return kind == _ARRAY, encoding == "gzip"


def _key(headers: Mapping[str, str]) -> str | None:
    key = headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        remedy = "write 1 to 200 visible ASCII characters"
        raise Refusal(HTTPStatus.BAD_REQUEST, BatchFault.KEY_UNREADABLE, remedy, Connection="close")
    return key


class _Result(msgspec.Struct, omit_defaults=True):
    item: int
    result: str
    reason: str | None = None
    remedy: str | None = None


def _answer(items: Sequence[Item], new: Sequence[bool]) -> Told:
    """The results in the order of the items; `new` is that of those that could be read."""
    tally, answers, results = Counter[str](), iter(new), []
    for place, item in enumerate(items, 1):
        if isinstance(item, Unreadable):
            result = _Result(place, "unreadable", item.reason, item.remedy)
        else:
            result = _Result(place, "accepted" if next(answers) else "duplicate")
        tally[result.result] += 1
        results.append(result)
    counts = {name: tally[name] for name in ("accepted", "duplicate", "unreadable")}
    return Told(207 if counts["unreadable"] else 200, msgspec.json.encode(counts | {"results": results}))


def answered(told: Told, headers: Mapping[str, str] | None = None) -> Response:
    return Response(told.body, told.status, headers=headers, media_type="application/json")


def _described() -> dict[str, Any]:
    """What OpenAPI says of the request: the framework does not read the body, so it cannot tell by itself."""
    item = MessageItem.model_json_schema()
    key = {"name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string", "maxLength": 200}}
    return {
        "security": [{"bearer": []}],
        "parameters": [key],
        "requestBody": {
            "required": True,
            "content": {
                _ARRAY: {"schema": {"type": "array", "maxItems": ITEMS_MAX, "items": item}},
                _LINES[0]: {"schema": {"type": "string", "description": "One item a line, as an object."}},
            },
        },
    }
