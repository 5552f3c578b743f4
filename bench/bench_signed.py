"""How fast signed meter values are verified, beside what the bare signatures cost in the same run.

Records of OCMF with begin and end, about 700 bytes, each another one: more of them than the caches of the reader hold, so that
every one is read. Per curve, in records per second of processor time of one core, the best of many short rounds by turns:

    whole   from the text as a message carries it to the verdict: decoded, read, the signature checked with a registered key
    bare    the same signatures by `cryptography` alone: key loaded, signature and signed bytes at hand
    read    the text read, no signature

Asked: whole / bare of 0.7, and 50 000 records of secp256r1 read per second. A session has two records, or one with both.
"""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.rates import each_of, rate_of
from streams.signed.carriage import records_in
from streams.signed.check import judged
from streams.signed.keys import read_key
from vocabulary.signatures import Verdict

CURVES: dict[str, ec.EllipticCurve] = {
    "secp256r1": ec.SECP256R1(),
    "secp192r1": ec.SECP192R1(),
    "brainpoolP256r1": ec.BrainpoolP256R1(),
    "secp384r1": ec.SECP384R1(),
}
RECORDS, ROUNDS, ROUND_S = 1_500, 30, 0.1
RATIO, READ, COMMONEST = 0.7, 50_000, "secp256r1"
ALGORITHM = ec.ECDSA(hashes.SHA256())


class Signed(NamedTuple):
    text: str
    payload: bytes
    signature: bytes


def main() -> None:
    holds = True
    for name, curve in CURVES.items():
        private = ec.generate_private_key(curve)
        public = private.public_key()
        key = read_key(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex())
        records = list(records_of(private, name))

        def whole(one: Signed, key=key) -> None:  # type: ignore[no-untyped-def]
            (record,) = records_in(one.text)
            assert judged(record, (key,)).verdict is Verdict.VERIFIED

        works: list[Callable[[], object]] = [
            each_of(records, whole),
            each_of(records, lambda one, public=public: public.verify(one.signature, one.payload, ALGORITHM)),  # type: ignore[misc]
            each_of(records, lambda one: records_in(one.text)),
        ]
        rounds = [[rate_of(work, ROUND_S) for work in works] for _ in range(ROUNDS)]
        verified, bare, read = (max(rates) for rates in zip(*rounds, strict=True))
        holds = holds and verified / bare >= RATIO and (name != COMMONEST or read >= READ)
        print(
            f"{name:15} {len(records[0].text):3} B  whole {verified:7,.0f}/s  bare {bare:7,.0f}/s"
            f"  whole / bare = {verified / bare:.2f}  read {read:8,.0f}/s"
        )
    if not holds:
        sys.exit("below a limit")


def records_of(private: ec.EllipticCurvePrivateKey, curve: str) -> Iterator[Signed]:
    for number in range(RECORDS):
        payload = json.dumps(_payload(number), separators=(",", ":")).encode()
        signature = private.sign(payload, ALGORITHM)
        section = json.dumps({"SA": f"ECDSA-{curve}-SHA256", "SD": signature.hex()})
        yield Signed(f"OCMF|{payload.decode()}|{section}", payload, signature)


def _payload(number: int) -> dict[str, object]:
    begin = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=17 * number)
    return {
        "FV": "1.0",
        "GI": "Bench station",
        "GS": "G-4711",
        "GV": "1.6.0",
        "PG": f"T{number}",
        "MV": "Bench",
        "MM": "B 1",
        "MS": "000033022620",
        "MF": "1.0",
        "IS": True,
        "IL": "VERIFIED",
        "IF": ["RFID_PLAIN", "OCPP_AUTH"],
        "IT": "ISO14443",
        "ID": f"{number:08x}",
        "CT": "EVSEID",
        "CI": "DE*ABC*E1",
        "RD": [_reading(begin, "B", number * 10), _reading(begin + timedelta(minutes=45), "E", number * 10 + 7.553)],
    }


def _reading(at: datetime, kind: str, kwh: float) -> dict[str, object]:
    time = at.strftime("%Y-%m-%dT%H:%M:%S,000+0000 S")
    return {"TM": time, "TX": kind, "RV": kwh, "RI": "1-b:1.8.0", "RU": "kWh", "RT": "AC", "EF": "", "ST": "G"}
