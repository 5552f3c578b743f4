"""EDL_40_MENNEKES: the `Billing` document of a Mennekes station, with the start and the end of each charging process.

It tells the fields of the block that the EDL40 meter signed, which is put together again: OBIS 1-0:1.17.0 in Wh throughout.
What the document says of customer, supplier and place is signed by nobody. Its processes are numbered where there are several.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from streams.signed import edl
from streams.signed.edl_xml import root_of
from streams.signed.record import Format, SignedRecord, unreadable
from streams.signed.xml_text import Node
from vocabulary.signatures import Nature

_ROOT = "Billing"
_OBIS = bytes.fromhex("0100011100ff")
_MEASUREMENTS = (("MeasurementStart", Nature.BEGIN), ("MeasurementEnd", Nature.END))
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # wall clock time, as the meter counts it


def read(data: bytes) -> tuple[SignedRecord, ...] | None:
    root = root_of(data, _ROOT)
    if root is None:
        return None
    processes = [*root.all("ChargingProcess")]
    numbers = map(str, range(1, len(processes) + 1)) if len(processes) > 1 else [""]
    found = tuple(
        record._replace(meter_transaction=number)
        for number, process in zip(numbers, processes, strict=False)
        for record in _records(process)
    )
    if not found:
        raise unreadable("no measurement in any ChargingProcess")
    return found


def _records(process: Node) -> Iterator[SignedRecord]:
    for name, nature in _MEASUREMENTS:
        if (measurement := process.find(name)) is not None:
            yield _record(process, measurement, nature)


def _record(process: Node, measurement: Node, nature: Nature) -> SignedRecord:
    bare, logbook = edl.split(_hex(measurement, "Signature"))
    fields = _fields(process, measurement, logbook)
    signature = edl.signature(bare)
    return SignedRecord(
        format=Format.EDL_40_MENNEKES,
        signed=edl.block(fields),
        signature=signature,
        readings=(edl.reading(fields, _utc(_moment(measurement, "Timestamp")), nature),),
        algorithm=edl.algorithm(signature),
        meter=fields.server.hex().upper(),
        claimed_key=process.told("PublicKey"),
        pagination=fields.pagination,
        identification=fields.contract.hex().upper(),
    )


def _fields(process: Node, measurement: Node, logbook: bytes) -> edl.EdlFields:
    identified = measurement if measurement.told("TimestampCustomerIdent") else process
    return edl.EdlFields(
        server=_hex(process, "ServerId"),
        seconds=_seconds(_moment(measurement, "Timestamp")),
        status=_whole(measurement, "MeterStatus") & 0xFF,
        second_index=_whole(measurement, "SecondIndex"),
        pagination=_whole(measurement, "Pagination"),
        obis=_OBIS,
        unit=edl.WATT_HOURS,
        scaler=_whole(measurement, "Scaler"),
        value=_whole(measurement, "Value"),
        logbook=logbook or (_whole(measurement, "EventCounter") & 0xFFFF).to_bytes(2, "big"),
        contract=_hex(process, "CustomerIdent"),
        contract_seconds=_seconds(_moment(identified, "TimestampCustomerIdent")),
    )


def _hex(node: Node, name: str) -> bytes:
    try:
        return bytes.fromhex(node.told(name))
    except ValueError:
        raise unreadable(f"{name} is not hex") from None


def _whole(node: Node, name: str) -> int:
    if not _INTEGER.fullmatch(text := node.told(name)):
        raise unreadable(f"{name} is no whole number")
    return int(text)


def _moment(node: Node, name: str) -> datetime:
    try:
        return datetime.fromisoformat(node.told(name))
    except ValueError:
        raise unreadable(f"{name} is no time") from None


def _seconds(moment: datetime) -> int:
    """Of the wall clock: the block has no zone."""
    return int((moment.replace(tzinfo=None, microsecond=0) - _EPOCH).total_seconds())


def _utc(moment: datetime) -> datetime | None:
    try:
        return moment.astimezone(UTC) if moment.tzinfo else None
    except OverflowError:
        raise unreadable("a time of no year") from None
