"""What stands behind `/v1/meter-keys`: keys are registered and revoked on the desk's thread, one at a time, as messages are."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from ingest.http_meter_keys import KeyRefused, KeyToAdd, KeyToRevoke
from ingest.http_server import LogAway, Told
from streams.log import LogError
from vocabulary.reference import MeterKeyPublished
from wattbook.database import DatabaseError
from wattbook.deciding import demand_texts
from wattbook.desk import Desk
from wattbook.meter_key_changes import as_answer, publish_key
from wattbook.reference_shapes import effective, local_instant
from wattbook.trusted_keys import BEGINNING, KeyAsked, MeterKeyRefused, key_to_add, key_to_revoke, trusted_keys
from wattbook.wiring import App, NotReady

R = TypeVar("R")
Run = Callable[..., Awaitable[Any]]


class RegisterDesk:
    """`ingest.http_meter_keys.KeyRegister`. `run`: something on the desk's thread."""

    def __init__(self, app: App, desk: Desk, run: Run) -> None:
        self._app, self._desk, self._run = app, desk, run

    async def listed(self, evse_id: str | None) -> Told:
        told: Told = await self._run(_saying, self._listed, evse_id)
        return told

    async def add(self, key: KeyToAdd, by: str) -> Told:
        told: Told = await self._run(_saying, self._add, key, by)
        return told

    async def revoke(self, key: KeyToRevoke, by: str) -> Told:
        told: Told = await self._run(_saying, self._revoke, key, by)
        return told

    def _listed(self, evse_id: str | None) -> Told:
        found = trusted_keys(self._app.runtime.catalogue(), evse_id, datetime.now(UTC))
        return Told(200, msgspec.json.encode({"keys": found}))

    def _add(self, key: KeyToAdd, by: str) -> Told:
        asked = KeyAsked(key.evse_id, key.public_key, key.meter, _utc(key.valid_from), _utc(key.valid_until), key.registers)
        return self._published(key_to_add(self._app.runtime.catalogue(), asked, by))

    def _revoke(self, key: KeyToRevoke, by: str) -> Told:
        demand_texts(key.reason, by)
        if key.entirely and key.valid_until is not None:
            raise MeterKeyRefused("entirely is for all time: leave valid_until out")
        when = BEGINNING if key.entirely else _utc(key.valid_until) or datetime.now(UTC).replace(microsecond=0)
        catalogue = self._app.runtime.catalogue()
        return self._published(key_to_revoke(catalogue, key.evse_id, key.fingerprint, key.reason, when, by))

    def _published(self, fact: MeterKeyPublished | None) -> Told:
        if fact is None:
            return Told(200, msgspec.json.encode(as_answer(None, None)))
        found = publish_key(self._app, fact, self._desk.publish)
        if self._desk.behind:
            found = found._replace(is_done=False)
        return Told(201, msgspec.json.encode(as_answer(fact, found)))


def _saying(work: Callable[..., R], *arguments: object) -> R:
    """What went wrong, as the door tells it."""
    try:
        return work(*arguments)
    except MeterKeyRefused as error:
        raise KeyRefused(str(error), error.is_conflict) from None
    except NotReady as error:
        raise KeyRefused(str(error), is_conflict=False) from None
    except (DatabaseError, LogError, OSError) as error:
        raise LogAway(type(error).__name__) from error


def _utc(at: datetime | None) -> datetime | None:
    """Raises MeterKeyRefused, as it is written in files and on the command line."""
    try:
        return None if at is None else local_instant(effective(at.isoformat()), "UTC")
    except ValueError as error:
        raise MeterKeyRefused(f"{at} {error}") from None
