"""An EDL40 meter with a key of its own: it writes SML, the XML that carries its block, and signs both."""

import base64
from collections.abc import Sequence

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from streams.signed.ecdsa import PublicKey, key_of_der
from streams.signed.edl import EdlFields, block

FIELDS = EdlFields(
    server=bytes.fromhex("0a01454d480000ba05b4"),
    seconds=1_687_786_421,
    status=8,
    second_index=145_373,
    pagination=41,
    obis=bytes.fromhex("0100011100ff"),
    unit=30,
    scaler=-1,
    value=212_990,
    logbook=b"\x00\x81",
    contract=b"DE8UBI7TS4",
    contract_seconds=1_687_786_379,
)


class EdlMeter:
    def __init__(self, curve: ec.EllipticCurve) -> None:
        self._private, self._bytes = ec.generate_private_key(curve), (curve.key_size + 7) // 8

    @property
    def key(self) -> PublicKey:
        return key_of_der(self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def signature(self, signed: bytes, logbook: bytes = b"") -> bytes:
        numbers = decode_dss_signature(self._private.sign(signed, ec.ECDSA(hashes.SHA256())))
        return b"".join(number.to_bytes(self._bytes, "big") for number in numbers) + logbook

    def xml(self, fields: EdlFields = FIELDS, method: str = "ECDSA192SHA256", signature: bytes | None = None) -> str:
        signed = block(fields)
        value = self.signature(signed, fields.logbook) if signature is None else signature
        return xml_of(signed, value, method, self.key.der)

    def sml(self, entries: dict[str, bytes], fields: EdlFields = FIELDS, name: str = "8180817303ff") -> bytes:
        """`entries`: those beside the value, by their OBIS code in hex."""
        value = fields.obis.hex(), entry(fields.obis.hex(), fields.value, fields)
        signature = self.signature(block(fields), fields.logbook)
        return sml_file(sml_list(fields.server, name, [value[1], *entries.values()], signature))


def xml_of(signed: bytes, signature: bytes, method: str = "ECDSA192SHA256", key: bytes = b"") -> str:
    inner = "".join(
        f'<{name} encoding="base64">{base64.b64encode(value).decode()}</{name}>'
        for name, value in (("publicKey", key), ("meterValueSignature", signature), ("encodedMeterValue", signed))
    )
    methods = f"<signatureMethod>{method}</signatureMethod><encodingMethod>EDL</encodingMethod>"
    return f'<?xml version="1.0" encoding="UTF-8" ?><signedMeterValue>{inner}{methods}</signedMeterValue>'


# SML, written


def entry(
    obis: str, value: int | bytes, fields: EdlFields = FIELDS, seconds: int | None = None, scaler: int | None = None
) -> bytes:
    """A list entry; its time is that of the fields, its unit and scaler too where it has a number."""
    is_number = isinstance(value, int)
    parts = [
        octets(bytes.fromhex(obis)),
        unsigned(fields.status) if is_number else b"\x01",
        listed(unsigned(2), unsigned(fields.seconds if seconds is None else seconds)),
        unsigned(fields.unit) if is_number else b"\x01",
        integer(fields.scaler if scaler is None else scaler) if is_number else b"\x01",
        integer(value) if isinstance(value, int) else octets(value),
        b"\x01",
    ]
    return listed(*parts)


def second_index(seconds: int) -> bytes:
    inner = listed(unsigned(1), listed(unsigned(1), unsigned(seconds)))
    return listed(octets(bytes.fromhex("810060080001")), b"\x01", b"\x01", b"\x01", b"\x01", inner, b"\x01")


def sml_list(server: bytes, name: str, entries: Sequence[bytes], signature: bytes) -> bytes:
    parts = [b"\x01", octets(server), octets(bytes.fromhex(name)), b"\x01", listed(*entries), octets(signature), b"\x01"]
    return listed(*parts)


def sml_file(*lists: bytes) -> bytes:
    content = b"".join(message(one) for one in lists)
    padding = -len(content) % 4
    framed = b"\x1b" * 4 + b"\x01" * 4 + content.replace(b"\x1b" * 4, b"\x1b" * 8) + b"\x00" * padding
    framed += b"\x1b" * 4 + bytes([0x1A, padding])
    return framed + crc(framed)


def message(body: bytes, kind: int = 0x0701) -> bytes:
    head = b"\x76" + octets(b"1") + b"\x62\x00\x62\x00" + listed(unsigned(kind), body)
    return head + b"\x63" + crc(head) + b"\x00"


def listed(*parts: bytes) -> bytes:
    return head_of(7, len(parts)) + b"".join(parts)


def octets(value: bytes) -> bytes:
    return head_of(0, len(value) + 1 if len(value) < 15 else len(value) + 2) + value


def unsigned(value: int) -> bytes:
    length = 8 if value >= 1 << 32 else 4
    return head_of(6, length + 1) + value.to_bytes(length, "big")


def integer(value: int) -> bytes:
    return head_of(5, 9) + value.to_bytes(8, "big", signed=True)


def head_of(kind: int, length: int) -> bytes:
    if length < 16:
        return bytes([kind << 4 | length])
    return bytes([0x80 | kind << 4 | length >> 4, length & 0x0F])


def crc(data: bytes) -> bytes:
    """Bit by bit, as the standard describes it: not with the table of what is tested."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x8408 if value & 1 else 0)
    return (value ^ 0xFFFF).to_bytes(2, "little")
