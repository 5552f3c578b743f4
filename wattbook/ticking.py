"""Let the clock tick: note what time it is as a fact, by which deadlines are judged and can be judged again.

Whoever runs asks now and then; the first one after an interval notes it, the others see that it is noted. Ticks never go back.
"""

from datetime import UTC, datetime, timedelta
from threading import Event, Thread

from vocabulary.reference import ClockTicked
from wattbook.database import DatabaseError
from wattbook.fact_keys import key_of
from wattbook.serving import say
from wattbook.settings import Settings
from wattbook.wiring import App, NotReady, runtime_over, workers_database

_FIRST_S = 60  # after a start: messages that wait come first


def tick(app: App, at: datetime, every: timedelta = timedelta(0)) -> bool:
    """Note the time, and conclude what is overdue. False: it is noted already, or was within the interval. Raises NotReady."""
    if at > datetime.now(UTC) + timedelta(minutes=1):
        raise NotReady(f"{at.isoformat()} is yet to come: a clock that ticked does not go back")
    noted = app.runtime.publish([ClockTicked(at=at)], key_of, every)
    app.runtime.pump()
    return bool(noted)


class Ticker:
    """A worker's clock, in a thread of its own: it writes into the office's lane, from where all lanes take it up."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._stopped = settings, Event()
        self._thread = Thread(target=self._run, name="ticker", daemon=True)

    def __enter__(self) -> "Ticker":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        wait_s, every_s = _FIRST_S, self._settings.tick_interval_s
        while every_s and not self._stopped.wait(min(wait_s, every_s)):
            wait_s = every_s
            try:
                self._tick(datetime.now(UTC))
            except DatabaseError as error:
                say("tick_failed", error=str(error))  # the next one says the same time and more

    def _tick(self, now: datetime) -> None:
        with workers_database(self._settings) as engine:
            every = timedelta(seconds=self._settings.tick_interval_s)
            if runtime_over(engine, self._settings.batch_size).publish([ClockTicked(at=now)], key_of, every):
                say("clock_ticked", at=now.isoformat(timespec="seconds"))
