"""Connect to Apache Kafka, and tell what fails in our words. The library behind it is kafka-python.

    LogError                     (streams.log)
    ├── BrokerUnavailable        cannot be reached, timed out, or too few copies in step: start again later
    └── LogUnusable              the topic no longer holds what is to be read, or what it holds is damaged: stop
        └── KafkaRefused         not allowed, not there, not as configured: the message says what to do; stop

The library tries again until its time is up, and then tells no more than that. So why a connection failed is taken from its
log, which is not printed, and told with the failure: a wrong password, a certificate that has expired.
"""

import logging
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from kafka import errors as told

from streams.kafka_options import KafkaOptions
from streams.log import LogError, LogUnusable


class BrokerUnavailable(LogError):
    pass


class KafkaRefused(LogUnusable):
    pass


def ssl_context(options: KafkaOptions) -> ssl.SSLContext | None:
    """The trust and the certificate for an encrypted connection; None where it is not encrypted."""
    if not options.uses_ssl:
        return None
    try:
        context = ssl.create_default_context(cafile=options.ssl_ca_file)
        if options.ssl_cert_file:
            context.load_cert_chain(options.ssl_cert_file, options.ssl_key_file, options.ssl_key_password or "")
    except OSError as error:
        files = ", ".join(filter(None, (options.ssl_ca_file, options.ssl_cert_file, options.ssl_key_file)))
        raise KafkaRefused(f"the TLS files for Kafka cannot be used ({files}): {error}") from error
    return context


def connection(options: KafkaOptions) -> dict[str, Any]:
    """What every client of the library is given. It begins without a failure."""
    _LAST.error = None
    sasl = {
        "sasl_mechanism": options.sasl_mechanism.value,
        "sasl_plain_username": options.sasl_user,
        "sasl_plain_password": options.sasl_password,
    }
    return {
        "bootstrap_servers": list(options.servers),
        "client_id": options.client_id,
        "security_protocol": options.security_protocol.value,
        "ssl_context": ssl_context(options),
        "bootstrap_timeout_ms": options.timeout_s * 1000,
        "request_timeout_ms": options.timeout_s * 500,
        "reconnect_backoff_max_ms": 1000,
        **(sasl if options.uses_sasl else {}),
    }


class _LastFailure(logging.Handler):
    """Keeps why a connection failed last, by the library's log, which is not printed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.error: told.KafkaError | None = None

    def emit(self, record: logging.LogRecord) -> None:
        for argument in record.args if isinstance(record.args, tuple) else ():
            if isinstance(argument, told.KafkaError) and not isinstance(argument, _SAYS_NOTHING):
                # A broker that does not let us in closes the connection afterwards: that is not the reason.
                self.error = self.error if isinstance(self.error, _NOT_ALLOWED) else argument


_SAYS_NOTHING = (told.KafkaTimeoutError, told.NodeNotReadyError)
_LAST = _LastFailure()
_LIBRARY = logging.getLogger("kafka")
_LIBRARY.addHandler(_LAST)
_LIBRARY.propagate = False
_LIBRARY.setLevel(logging.WARNING)

SESSION_S: Final = 10  # a process that is not heard of for so long loses its partitions, and its place in the group

_LOGIN = "see WATTBOOK_KAFKA_SASL_MECHANISM, _USER and _PASSWORD"
_NOT_ALLOWED = (told.AuthorizationError, told.SaslAuthenticationFailedError, told.UnsupportedSaslMechanismError)
_TOO_LARGE = (told.MessageSizeTooLargeError, told.RecordListTooLargeError)
_NOT_HELD = (told.OffsetOutOfRangeError, told.NoOffsetForPartitionError, told.LogTruncationError)
_DAMAGED = (told.CorruptRecordError, told.UnsupportedCodecError)
_PASSES = (
    told.RetriableError,
    told.BrokerNotAvailableError,
    told.UnknownBrokerIdError,
    told.UnknownProducerIdError,  # and the next two: a new publisher begins anew
    told.OutOfOrderSequenceNumberError,
    told.InvalidProducerEpochError,
)


@contextmanager
def telling(options: KafkaOptions, what: str = "", group: str = "") -> Iterator[None]:
    """Tell what the library raises in our words."""
    try:
        yield
    except told.KafkaError as error:
        raise _ours(error, what, options, group) from error


def of_another_engine(group: str, ours: str, theirs: str) -> KafkaRefused:
    """Members of a group agree on how partitions are shared out, and the two pumps do not."""
    return KafkaRefused(
        f"workers of the other engine ({theirs}; this one: {ours}) run in the group {group}, which takes one kind at a time: "
        f"stop them all, or wait {SESSION_S} s after one was killed or ended with status 70, then start this one; or start "
        f"this one with --engine {theirs}"
    )


def _ours(error: told.KafkaError, what: str, options: KafkaOptions, group: str) -> LogError:
    servers = ", ".join(options.servers)
    if isinstance(error, _SAYS_NOTHING) and isinstance(_LAST.error, _NOT_ALLOWED):
        error = _LAST.error
    saying = f"{what + ': ' if what else ''}{_short(error)}"
    match error:
        case _ if isinstance(error, _NOT_ALLOWED):
            return KafkaRefused(f"Kafka at {servers} does not allow it: {saying}: {_LOGIN}, and the access lists of the topics")
        case told.InconsistentGroupProtocolError():
            return of_another_engine(group, "plain", "faust")  # Faust's consumer is not of this library
        case told.UnknownTopicOrPartitionError():
            return KafkaRefused(f"Kafka at {servers} has no such topic: {what}: `wattbook topics create` makes it")
        case told.InvalidReplicationFactorError():
            return KafkaRefused(
                f"Kafka at {servers} has too few brokers for so many copies: "
                f"write WATTBOOK_KAFKA_REPLICATION as the brokers allow, or start more of them: {saying}"
            )
        case _ if isinstance(error, _TOO_LARGE):
            return KafkaRefused(
                f"{what}: a record is larger than Kafka takes: `wattbook topics check` tells the limit: {_short(error)}"
            )
        case _ if isinstance(error, _NOT_HELD):
            return LogUnusable(
                f"{saying}: the topic does not hold what is to be read: `wattbook topics check`, then restore it"
            )
        case _ if isinstance(error, _DAMAGED):
            return LogUnusable(f"{saying}: what Kafka gave is damaged: compare with another copy of the partition")
        case _ if isinstance(error, _PASSES):
            return BrokerUnavailable(
                f"Kafka at {servers} cannot be used now: {saying}{_last_failure(options)}: start again when it is there"
            )
        case _:
            return KafkaRefused(f"Kafka at {servers} refuses: {saying}")


def _last_failure(options: KafkaOptions) -> str:
    if _LAST.error is None:
        return ""
    # The broker's answer and the end of the connection come together, and the library often sees the end only.
    may_be = f"; a log-in that is refused may look like this: {_LOGIN}" if options.uses_sasl else ""
    return f" (the last connection failed by {_short(_LAST.error)}{may_be})"


def _short(error: told.KafkaError) -> str:
    """The broker's own words where the library repeats request and response around them."""
    text = str(error)
    words = re.search(r"error_message=(['\"])(.+?)\1, ", text)
    return f"{type(error).__name__}: {words[2]}" if words else text
