"""Read OCPP 1.6 and 1.5 over SOAP from a file: each envelope becomes the OCPP-J frame that says the same. Pure.

    <S:Header>  chargeBoxIdentity ─▶ the station    MessageID ─▶ the call's id    RelatesTo ─▶ the id of the call answered
    <S:Body>    startTransactionRequest in urn://Ocpp/Cs/2015/10/ ─▶ [2, id, "StartTransaction", {…}], from the station
                startTransactionResponse                          ─▶ [3, id, {…}], to it; urn://Ocpp/Cp/… the other way round
                Fault                                             ─▶ [4, id, "GenericError", reason, {}]

A response seldom names its station: that is known from its request, which must stand before it in the file. Where several
stations wait for the answer to a call of one MessageID, since each counts its own, it is not known. Elements become fields of
the same name, in the types that JSON has for them; 1.5's meter values (`values` with attributes) become 1.6's. What
stands between envelopes says nothing. Each message says the envelope that it was written from (`RawMessage.source`).
"""

import re
from typing import Any, Final

from ingest.captures import Unreadable
from ingest.reconstructed import message
from ingest.soap_xml import Node, NotXml, parsed
from ingest.station_name import RULE, station_name
from vocabulary.charging import Direction, RawMessage, Source
from vocabulary.identity import StationId

ENVELOPE_BYTES_MAX: Final = 2**20

BEGIN: Final = re.compile(rb"<(?P<prefix>(?:[A-Za-z_][\w.-]{0,40}:)?)Envelope(?=[\s>])")
_END = re.compile(rb"</(?P<prefix>(?:[A-Za-z_][\w.-]{0,40}:)?)Envelope\s*+>")
_Match = re.Match[bytes]
_SPACE = re.compile(r"urn://Ocpp/(?P<side>Cs|Cp)/(?P<edition>2012/06|2015/10)/?")
_FORMS = {"2015/10": "ocpp1.6-soap", "2012/06": "ocpp1.5-soap"}
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_INTEGERS = {"connectorId", "meterStart", "meterStop", "transactionId", "reservationId", "interval", "listVersion", "retries"}
_INTEGERS |= {"retryInterval", "chargingProfileId", "stackLevel", "duration", "startPeriod", "numberPhases"}
_LISTS = {"meterValue", "sampledValue", "transactionData", "key", "configurationKey", "unknownKey", "chargingSchedulePeriod"}
_LISTS |= {"localAuthorizationList"}
_LEAVE_OUT = "hand over OCPP 1.6 or 1.5 envelopes as they were sent, or leave this one out"


class _Asked:
    """Which stations wait for the answer to a call, by who asks and its MessageID; and who got the last one."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[Direction, str], list[StationId]] = {}
        self._answered: dict[tuple[Direction, str], StationId] = {}

    def add(self, asks: Direction, id_: str, station: StationId) -> None:
        waiting = self._waiting.setdefault((asks, id_), [])
        if station not in waiting:
            waiting.append(station)

    def answer(self, asks: Direction, id_: str, named: StationId | None) -> list[StationId]:
        """The stations that it may be for: the one that it names, those that wait, or the one that had it already."""
        waiting = self._waiting.get((asks, id_), [])
        last = self._answered.get((asks, id_))
        found = [named] if named else waiting or ([last] if last else [])
        if len(found) == 1:
            self._answered[asks, id_] = found[0]
            self._waiting[asks, id_] = [each for each in waiting if each != found[0]]
        return found


class _Complaint(Exception):
    def __init__(self, reason: str, remedy: str = _LEAVE_OUT) -> None:
        super().__init__(reason, remedy)
        self.reason, self.remedy = reason, remedy


def read_envelopes(data: bytes, file: str) -> list[RawMessage | Unreadable]:
    """What the envelopes of a file say, in its order."""
    found: list[RawMessage | Unreadable] = []
    asked = _Asked()
    number, counted = 1, 0
    begin, end = BEGIN.search(data), _END.search(data)
    while begin:
        following = BEGIN.search(data, begin.end())
        if end and end.start() < begin.end():
            end = _END.search(data, begin.end())
        number += data.count(b"\n", counted, begin.start())
        counted = begin.start()
        text = _between(data, begin, end, following)
        begin = following
        if text is None:
            why = f"the envelope does not end, or not within {ENVELOPE_BYTES_MAX} bytes"
            found.append(Unreadable(number, why, _LEAVE_OUT))
            continue
        try:
            found.append(_message(text, file, number, asked))
        except _Complaint as complaint:
            found.append(Unreadable(number, complaint.reason, complaint.remedy))
    return found


def _between(data: bytes, begin: _Match, end: _Match | None, following: _Match | None) -> bytes | None:
    """The envelope; None where it has no end of its own before the next one begins."""
    if end is None or end["prefix"] != begin["prefix"] or end.end() - begin.start() > ENVELOPE_BYTES_MAX:
        return None
    return None if following and following.start() < end.start() else data[begin.start() : end.end()]


def _message(text: bytes, file: str, number: int, asked: _Asked) -> RawMessage:
    try:
        envelope, verbatim = parsed(text), text.decode()
    except NotXml as error:
        raise _Complaint(f"no XML that is read here: {error}") from None
    except UnicodeDecodeError:
        raise _Complaint("the envelope is not UTF-8", "write the file as UTF-8") from None
    header, body = envelope.find("Header"), envelope.find("Body")
    if header is None or body is None or not body.children:
        raise _Complaint("the envelope has no header, or nothing in its body")
    says = body.children[0]
    space = _SPACE.fullmatch(says.space)
    form = _FORMS[space["edition"]] if space else "ocpp1.6-soap"
    source = Source(form=form, file=file, line=number, text=verbatim)
    by_station = space is None or space["side"] == "Cs"
    if says.name == "Fault":
        return _answer(header, [4, "GenericError", _all_text(says)[:255], {}], source, asked, direction=None)
    if space is None:
        raise _Complaint(f"{says.name[:80]} is of no namespace of OCPP's")
    if says.name.endswith("Response"):
        direction = Direction.TO_STATION if by_station else Direction.FROM_STATION
        return _answer(header, [3, _payload(says)], source, asked, direction)
    if not says.name.endswith("Request"):
        raise _Complaint(f"{says.name[:80]} is neither a request nor a response")
    return _call(header, says, source, asked, Direction.FROM_STATION if by_station else Direction.TO_STATION)


def _call(header: Node, says: Node, source: Source, asked: _Asked, direction: Direction) -> RawMessage:
    named, id_ = _text(header, "chargeBoxIdentity"), _text(header, "MessageID")
    station = station_name(named)
    if station is None:
        raise _Complaint(f"chargeBoxIdentity: {named[:80]!r} is no station's name", f"use {RULE}")
    if id_:
        asked.add(direction, id_, station)
    name = says.name.removesuffix("Request")
    return message(station, [2, id_, name[:1].upper() + name[1:], _payload(says)], source, direction)


def _answer(header: Node, frame: list[Any], source: Source, asked: _Asked, direction: Direction | None) -> RawMessage:
    """A fault does not say who had asked: it is taken to be the station, and makes no event."""
    id_, named = _text(header, "RelatesTo"), station_name(_text(header, "chargeBoxIdentity"))
    asks = Direction.TO_STATION if direction is Direction.FROM_STATION else Direction.FROM_STATION
    stations = asked.answer(asks, id_, named)
    if direction is None and not stations:
        stations = asked.answer(Direction.TO_STATION, id_, named)
    if not stations:
        remedy = "put the request, which names the station, before its response in the same file"
        raise _Complaint(f"RelatesTo: {id_[:80]!r} is the MessageID of no request before it", remedy)
    if len(stations) > 1:
        remedy = "split the file by stations, so that each answer stands after the one call that it answers"
        raise _Complaint(f"RelatesTo: {id_[:80]!r} is the MessageID of calls of several stations", remedy)
    return message(stations[0], [frame[0], id_, *frame[1:]], source, direction or Direction.TO_STATION)


def _text(header: Node, name: str) -> str:
    found = header.find(name)
    return "" if found is None else found.text


def _all_text(node: Node) -> str:
    return " ".join(part for part in (node.text, *(_all_text(child) for child in node.children)) if part)


def _payload(node: Node) -> dict[str, Any]:
    """The fields of an element, those that may stand several times as a list."""
    fields: dict[str, Any] = {}
    for child in node.elements():
        if child.name == "values" and node.name in ("meterValuesRequest", "transactionData"):
            fields.setdefault("meterValue", []).append(_values_15(child))
        elif child.name in _LISTS:
            fields.setdefault(child.name, []).append(_value(child))
        else:
            fields[child.name] = _value(child)
    if isinstance(data := fields.get("transactionData"), list):  # 1.5 groups them once more
        fields["transactionData"] = [value for each in data for value in (_grouped(each) or [each])]
    return fields


def _grouped(each: Any) -> list[Any] | None:
    return each["meterValue"] if isinstance(each, dict) and set(each) == {"meterValue"} else None


def _value(node: Node) -> Any:
    if node.name in _INTEGERS and _INTEGER.fullmatch(node.text):
        return int(node.text)
    if node.name == "sampledValue" and not node.children:
        return {"value": node.text} | node.attributes
    return _payload(node) if node.children else node.text


def _values_15(node: Node) -> dict[str, Any]:
    """1.5: the value is the element's text, and what it is stands in attributes."""
    values = [{"value": child.text} | child.attributes for child in node.elements() if child.name == "value"]
    return {"timestamp": _text(node, "timestamp"), "sampledValue": values}
