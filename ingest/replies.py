"""What answers and errors say, as facts. An answer does not name what it answers, so what is in it must tell.

    CSMS to station   transactionId                   StartAnswered (1.6 §6.46: no other answer has one)
                      idTagInfo, idTokenInfo          TokenAnswered
                      transactionLimit, totalCost     LimitSet, CostShown       2.x TransactionEventResponse
                      tariff                          TariffSent                2.1 AuthorizeResponse
    station to CSMS   messagesInQueue                 TransactionStatusAnswered 2.x E14
                      tariffAssignments               TariffsReported           2.1 I09
                      clearTariffsResult              TariffsCleared            2.1 I10
    either            a status and none of these      MessageAnswered
                      an error                        MessageFailed

An answer that says none of this, or nothing that can be read, is no fact and no rejection.
"""

import re
from collections.abc import Iterator

import msgspec

from ingest import ocpp16
from ingest.cost_messages import tariff_sent
from ingest.envelope import Failure, Origin, Result
from ingest.fields import Refused
from ingest.loose import Fields, fields, whole
from ingest.station_messages import limit_of
from vocabulary.charging import Direction, Protocol, RawMessage, StartAnswered
from vocabulary.cost_facts import Assignment, Cleared, CostShown, TariffKind, TariffsCleared, TariffsReported
from vocabulary.decoded import AnyFact, Decoded
from vocabulary.identity import TokenUid
from vocabulary.station_facts import (
    LimitSet,
    MessageAnswered,
    MessageFailed,
    TokenAnswered,
    TransactionStatusAnswered,
)

_CODE = re.compile(r"[A-Za-z]{1,50}")


def failed(message: RawMessage, failure: Failure) -> tuple[MessageFailed, ...]:
    code = failure.code if _CODE.fullmatch(failure.code) else ""
    return (
        MessageFailed(
            station=message.station,
            message_id=failure.id,
            received_at=message.received_at,
            direction=message.direction,
            code=code,
            answers_an_answer=failure.of_answer,
        ),
    )


def start_answered(message: RawMessage, result: Result, with_arrival: bool = False) -> tuple[StartAnswered, ...]:
    is_one = message.direction is Direction.TO_STATION and message.protocol in (None, Protocol.OCPP16)
    arrived = message.received_at if with_arrival else None
    return ocpp16.start_answered(message.station, result, arrived) if is_one else ()


def answered(message: RawMessage, result: Result) -> tuple[Decoded, ...]:
    if len(bytes(result.payload)) <= len(b"{}"):
        return ()
    origin = Origin(message.station, message.protocol or Protocol.OCPP201, result.id, message.received_at)
    first = start_answered(message, result, with_arrival=True)
    try:
        answer = fields(result.payload)
    except Refused:
        return first
    is_to_station = message.direction is Direction.TO_STATION
    told = _to_station(origin, answer, result.payload) if is_to_station else _from_station(origin, answer)
    return (*first, *(tuple(told) or _status(origin, message.direction, answer)))


def _to_station(origin: Origin, answer: Fields, payload: msgspec.Raw) -> Iterator[AnyFact]:
    tag, token = answer.part("idTagInfo"), answer.part("idTokenInfo")
    if status := tag.text("status") or token.text("status"):
        expires = tag.instant("expiryDate") or token.instant("cacheExpiryDateTime")
        yield TokenAnswered(**origin.carried(), status=status, expires_at=expires)
    limit = limit_of(answer.part("transactionLimit"))
    if limit is not None:
        yield LimitSet(**origin.carried(), limit=limit)
    cost = answer.number("totalCost")
    if cost is not None:
        yield CostShown(**origin.carried(), total=cost)
    if answer.part("tariff").text("tariffId"):
        yield tariff_sent(origin, payload, TariffKind.DRIVER)


def _from_station(origin: Origin, answer: Fields) -> Iterator[AnyFact]:
    in_queue = answer.flag("messagesInQueue")
    if in_queue is not None:
        yield TransactionStatusAnswered(**origin.carried(), messages_in_queue=in_queue, ongoing=answer.flag("ongoingIndicator"))
    if "tariffAssignments" in answer:
        yield TariffsReported(**origin.carried(), assignments=tuple(_assignments(answer)))
    if "clearTariffsResult" in answer:
        results = (
            Cleared(status=status, tariff=one.text("tariffId"))
            for one in answer.parts("clearTariffsResult")
            if (status := one.text("status"))
        )
        yield TariffsCleared(**origin.carried(), results=tuple(results))


def _assignments(answer: Fields) -> Iterator[Assignment]:
    for one in answer.parts("tariffAssignments"):
        tariff, kind = one.text("tariffId"), one.text("tariffKind")
        if tariff is not None and kind is not None:
            evses = tuple(evse for item in one.items("evseIds") if (evse := whole(item)) is not None)
            yield Assignment(
                tariff=tariff,
                kind=kind,
                valid_from=one.instant("validFrom"),
                evses=evses,
                tokens=tuple(TokenUid(token) for token in one.texts("idTokens")),
            )


def _status(origin: Origin, direction: Direction, answer: Fields) -> tuple[MessageAnswered, ...]:
    status = answer.text("status")
    if status is None:
        return ()
    return (MessageAnswered(**origin.carried(), direction=direction, status=status, at=answer.instant("currentTime")),)
