"""An outage of the brokers as a pump sees it: told once when it begins and once when it ends, and not borne for ever."""

from streams.intake import Watch


class Outage:
    """`now_ms`: milliseconds of any clock that does not go back. `seconds_max`: how long a pump waits for the brokers."""

    def __init__(self, watch: Watch, seconds_max: int) -> None:
        self.seconds_max = seconds_max
        self._watch = watch
        self._since_ms: int | None = None

    def heard(self, now_ms: int) -> None:
        """The brokers have answered."""
        if self._since_ms is not None:
            self._watch.say("kafka_answers_again", after_s=(now_ms - self._since_ms) // 1000)
        self._since_ms = None

    def silent(self, now_ms: int, why: str) -> bool:
        """They have not. True: it lasts too long."""
        if self._since_ms is None:
            self._since_ms = now_ms
            self._watch.say("kafka_does_not_answer", why=why, and_now="the worker waits and goes on by itself; nothing is lost")
        return now_ms - self._since_ms > self.seconds_max * 1000
