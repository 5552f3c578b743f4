"""What the fuzzer begins with: each frame of tests/data/ocpp under its version and direction, each line as it is, the lines of
each case together, a file and a body of each other form, and the signed values of meters, as files, as texts and as bytes.
"""

import base64
import gzip
import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby
from pathlib import Path

from ingest.captures import read_lines
from tests.streams.signed.chargeit_meter import bsm, container, emh
from tests.streams.signed.samples import FOLDER, files, samples
from vocabulary.charging import Direction, Protocol, RawMessage

SIGNED = b"\x80"
_FOLDER = Path(__file__).parent.parent / "data" / "ocpp"
_PROTOCOLS = (None, *Protocol)
_LINES, _WITH_ZONE, _ARRAY, _PACKED = b"\x08", b"\x18", b"\x28", b"\x68"  # see `targets.one`
_CSV = b"""transaction_pk,charge_box_id,connector_id,id_tag,start_timestamp,start_value,stop_timestamp,stop_value,stop_reason
4711,CP-1,1,04A2,2026-10-14T05:58:20.000Z,1203400,2026-10-14T07:28:20.000Z,1210950,Local
4712,CP-1,2,04A2,2026-10-14 08:00:00,500,"","",""
"""
_LOG = b"""[INFO ] 2026-10-14 07:58:20,461 de.rwth.idsg.steve.ocpp.ws.WebSocketLogger - \
[chargeBoxId=CP-1, sessionId=d450611f] Received: [2, "8e", "Authorize",{"idTag":"1ec1"}]
"""
_SOAP = b"""<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing" \
xmlns:o="urn://Ocpp/Cs/2015/10/"><S:Header><o:chargeBoxIdentity>CP-1</o:chargeBoxIdentity><a:MessageID>urn:uuid:1</a:MessageID>\
</S:Header><S:Body><o:startTransactionRequest><o:connectorId>1</o:connectorId><o:idTag>04A2</o:idTag>\
<o:timestamp>2026-10-14T05:58:20Z</o:timestamp><o:meterStart>1203400</o:meterStart></o:startTransactionRequest></S:Body></S:Envelope>
"""


def seeds() -> Iterator[bytes]:
    for file in sorted(_FOLDER.glob("*.ndjson")):
        lines = file.read_bytes().splitlines()
        yield from (b"\0" + line for line in lines[:5])
        for message in read_lines(lines):
            if isinstance(message, RawMessage):
                choice = _PROTOCOLS.index(message.protocol) + 4 * (message.direction is Direction.TO_STATION)
                yield bytes([choice]) + message.frame.encode()
        for _, case in groupby(lines, lambda line: json.loads(line).get("case")):
            of_case = list(case)[:30]
            yield _WITH_ZONE + b"\n".join(of_case)
            yield _ARRAY + b"[" + b",".join(of_case[:3]) + b"]"
    yield from (zone + body for zone in (_LINES, _WITH_ZONE) for body in (_CSV, _LOG, _SOAP))
    yield from (SIGNED + body for body in _signed())
    yield _PACKED + gzip.compress(b'[{"station":"CP-1","at":"2026-10-14T05:58:20Z","frame":[2,"1","Heartbeat",{}]}]', mtime=0)


def _signed() -> Iterator[bytes]:
    for file in files():
        yield (FOLDER / file).read_bytes()
        for sample in samples(file):
            text = sample.text.strip()
            yield from (text.encode(), sample.key.strip().encode(), base64.b64encode(text.encode()))
            with suppress(ValueError):
                yield bytes.fromhex(text)
    yield from (json.dumps(made).encode() for made in (container(bsm()), container(emh(), emh(page=26)), bsm(), emh()))
