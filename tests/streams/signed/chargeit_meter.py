"""Meters whose values chargeIT's JSON carries: documents as they come, with signatures of fresh keys."""

import struct
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from tests.streams.signed.signer import Signer

Json = dict[str, Any]
BSM, EMH = Signer(ec.SECP256R1()), Signer(ec.SECP192R1())
_CONTEXT = "https://www.chargeit-mobility.com/contexts/bsm-ws36a-json-v0"
_EPOCH = 1_609_491_627  # 2021-01-01T09:00:27Z


def row(**more: Any) -> Json:
    """What a snapshot signs, by name: numbers with scale and unit, or texts."""
    return {
        "Typ": (1, 0, 255),
        "RCR": (0, 0, 30),
        "TotWhImp": (52440, 0, 30),
        "W": (-3, 1, 27),
        "MA1": "001BZR1521070006",
        "RCnt": (22978, 0, 255),
        "OS": (1867397, 0, 7),
        "Epoch": (_EPOCH, 0, 7),
        "TZO": (60, 0, 6),
        "EpochSetCnt": (2814, 0, 255),
        "EpochSetOS": (1867371, 0, 7),
        "DI": (1, 0, 255),
        "DO": (0, 0, 255),
        "Meta1": "contract-id: rfid:12345678abcdef",
        "Meta2": "evse-id: DE*BDO*E8025334492*2",
        "Meta3": "",
        "Evt": (0, 0, 255),
    } | more


def signed_bytes(values: Json) -> bytes:
    def of(name: str, value: Any) -> bytes:
        if isinstance(value, str):
            return struct.pack(">I", len(value.encode())) + value.encode()
        return struct.pack(">ibB" if name in ("W", "TZO") else ">IbB", *value)

    return b"".join(of(name, value) for name, value in values.items())


def bsm(values: Json | None = None, **more: Any) -> Json:
    values = values or row()
    number = {name: value[0] for name, value in values.items() if not isinstance(value, str)}
    told = {
        "@context": _CONTEXT,
        "@id": f"{values['MA1']}-{number['RCnt']}",
        "time": "2021-01-01T10:00:27+01:00",
        "meterInfo": {"firmwareVersion": "1.9", "publicKey": BSM.der.hex(), "meterId": values["MA1"]},
        "contract": {"id": "12345678abcdef", "type": "rfid"},
        "measurementId": number["RCnt"],
        "value": measured("RCR", values["RCR"], "1-0:1.8.0*198"),
        "additionalValues": [measured(name, value) for name, value in values.items()],
        "signature": BSM.sign(signed_bytes(values)).hex(),
    }
    return told | more


def measured(name: str, value: Any, code: str | None = None) -> Json:
    known = {"RCR": "1-0:1.8.0*198", "TotWhImp": "1-0:1.8.0*255"}.get(name)
    measurand = {"name": name} | ({"id": code or known} if code or known else {})
    if isinstance(value, str):
        return {
            "measurand": measurand,
            "measuredValue": {"value": value, "unitEncoded": 255, "valueType": "String", "valueEncoding": "UTF-8"},
        }
    number, scale, unit = value
    return {"measurand": measurand, "measuredValue": {"value": number, "scale": scale, "unitEncoded": unit}}


def emh(*, value: int = 110281, page: int = 25, second: int = 1_546_961_270, status: int = 0x88, **more: Any) -> Json:
    token = b"235DD5BB"
    wall_clock = second + 3600
    block = bytes.fromhex("0901454D4800007F9F3E") + struct.pack("<IBII", wall_clock, status, 1758261, page)
    block += bytes.fromhex("0100011100FF") + struct.pack("<Bbq", 30, -1, value) + b"\0\x04"
    block += token.ljust(128, b"\0") + struct.pack("<I", wall_clock)
    at = {"timestamp": second, "localOffset": 60, "seasonOffset": 0}
    told = {
        "meterInfo": {"meterId": "0901454D4800007F9F3E", "publicKey": EMH.point[1:].hex(), "type": "eHZ IW8E EMH"},
        "contract": {"id": token.decode(), "type": "RFID_TAG_ID", "timestampLocal": at},
        "measurand": {"name": "ENERGY_TOTAL", "id": "0100011100FF"},
        "measuredValue": {"value": str(value), "unit": "WATT_HOUR", "unitEncoded": 30, "scale": -1, "timestampLocal": at},
        "measurementId": f"{page:08x}",
        "additionalInfo": {"status": f"{status:02x}", "indexes": {"timer": 1758261, "logBook": "0004"}},
        "signature": EMH.sign_bare(block.ljust(320, b"\0")).hex(),
    }
    return told | more


def container(*values: Json, **more: Any) -> Json:
    return {"placeInfo": {"evseId": "DE*BDO*E8025334492*2", "geoLocation": {"lat": 48.0, "lon": 10.5}}} | {
        "signedMeterValues": [*values],
        **more,
    }
