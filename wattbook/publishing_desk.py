"""What stands behind the HTTP door: tokens and answers in the database, messages through the desk.

    body ──▶ transactions of some messages each ──▶ its answer, kept under its key ──▶ 200
                                                 └─▶ processed afterwards, some at a time

Publishers wait while the desk is far behind: what they hand in may come faster than it can be processed, and stations are told
no costs until the desk has caught up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, Final, TypeVar

from ingest.http_server import Answer, Health, Keyed, KeyReused, LogAway, Told
from streams.log import LogError
from vocabulary.access import Token
from vocabulary.charging import RawMessage
from wattbook.database import DatabaseError, reading, writing
from wattbook.desk import Desk
from wattbook.pieces import PIECE_S, Piece
from wattbook.recorder import Recorder
from wattbook.sql_access import SqlAccess, ToldAnswer
from wattbook.wiring import App

BEHIND_MAX: Final = 10_000  # messages that wait to be processed, before publishers wait
ALONE_S: Final = 0.3  # for which the desk has a piece in hand while no station is connected: larger pieces cost less

R = TypeVar("R")
Run = Callable[..., Awaitable[Any]]


class PublishingDesk:
    """`run`: something on the desk's thread. `threads`: where the database is asked what the desk need not know.
    `has_stations`: whether any is connected now. `recorder`: the tap's, if we are one.
    """

    def __init__(
        self,
        app: App,
        desk: Desk,
        run: Run,
        threads: Executor,
        has_stations: Callable[[], bool],
        recorder: Recorder | None = None,
    ) -> None:
        self._app, self._desk, self._run, self._threads, self._has_stations = app, desk, run, threads, has_stations
        self._recorder = recorder
        self._turn, self._piece = asyncio.Lock(), asyncio.Lock()
        self._came, self._went_on = asyncio.Event(), asyncio.Condition()
        self._taking, self._catching_up = Piece(), Piece()

    async def holder(self, secret: str) -> Token | None:
        return await self._ask(self._holder, secret)

    async def told(self, keyed: Keyed) -> Told | None:
        return await self._ask(self._told, keyed)

    async def publish(self, messages: Sequence[RawMessage], keyed: Keyed | None, answer: Answer) -> Told:
        """One body after the other, so that of two with one key the second finds the first one's answer."""
        async with self._turn:
            if keyed is not None and (before := await self.told(keyed)) is not None:
                return before
            new: list[bool] = []
            while len(new) < len(messages):
                async with self._went_on:
                    await self._went_on.wait_for(lambda: self._desk.behind <= BEHIND_MAX)
                piece = messages[len(new) : len(new) + self._taking.size]
                new += await self._one_piece(self._taking, self._take, piece, len(piece))
                self._came.set()
            told = await self._ask(answer, new)
            if keyed is not None:
                await self._run(self._remember, keyed, told)
        return told

    async def health(self) -> Health:
        waiting = None if self._recorder is None else self._recorder.waiting
        try:
            await self._ask(self._holder, "")
        except LogAway:
            return Health("log_away", waiting)
        return Health("spool_full" if self._recorder is not None and self._recorder.is_full else "ok", waiting)

    async def work(self) -> None:
        """Until cancelled: process what was handed in, one batch at a time, so that stations come in between."""
        while True:
            await self._came.wait()
            self._came.clear()
            while self._desk.behind:
                size = self._catching_up.size
                await self._one_piece(self._catching_up, self._desk.catch_up, size, size)
                async with self._went_on:
                    self._went_on.notify_all()

    async def _one_piece(self, sized: Piece, work: Callable[[Any], R], argument: Any, messages: int) -> R:
        """One at a time, so that a station's message waits for one piece and not for two."""
        async with self._piece:
            seconds = PIECE_S if self._has_stations() else ALONE_S
            done: R = await self._run(sized.timed, seconds, work, argument, messages)
            return done

    async def _ask(self, function: Callable[..., R], *arguments: object) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *arguments))

    def _take(self, messages: Sequence[RawMessage]) -> list[bool]:
        try:
            return self._desk.take(messages)
        except (DatabaseError, LogError, OSError) as error:
            raise LogAway(type(error).__name__) from error

    def _remember(self, keyed: Keyed, told: Told) -> None:
        try:
            with writing(self._app.engine) as connection:
                SqlAccess(connection).remember(keyed.token, keyed.key, ToldAnswer(keyed.body, told.status, told.body))
        except DatabaseError as error:
            raise LogAway(type(error).__name__) from error

    def _told(self, keyed: Keyed) -> Told | None:
        try:
            with reading(self._app.engine) as connection:
                found = SqlAccess(connection).told(keyed.token, keyed.key)
        except DatabaseError as error:
            raise LogAway(type(error).__name__) from error
        if found is not None and found.body != keyed.body:
            raise KeyReused
        return None if found is None else Told(found.status, found.answer)

    def _holder(self, secret: str) -> Token | None:
        try:
            with reading(self._app.engine) as connection:
                return SqlAccess(connection).holder(secret)
        except DatabaseError as error:
            raise LogAway(type(error).__name__) from error
