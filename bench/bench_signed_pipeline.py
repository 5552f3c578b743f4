"""Which share of the whole the verification of signed values takes: from capture to posted ledger, embedded and durable.

1000 stations of three OCPP versions charge on two days, a sample a minute; each signs its begin and its end in OCMF, on one
curve after the other. Told is the processor time of the whole import, that of the verdicts on sessions (read, checked, paired)
and, of it, of the signatures alone. Beside it the same frames unsigned: what signing costs altogether, longer frames included.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import wraps
from pathlib import Path
from time import process_time
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.network import STATIONS, new_app, visit
from streams.signed import check, verdicts
from wattbook.fleet import capture_line, messages
from wattbook.importing import import_files

DAYS = 2
CURVES: dict[str, ec.EllipticCurve] = {
    "secp256r1": ec.SECP256R1(),
    "secp192r1": ec.SECP192R1(),
    "brainpoolP256r1": ec.BrainpoolP256R1(),
    "secp384r1": ec.SECP384R1(),
}
UNSIGNED = "unsigned"


def main() -> None:
    print(f"{DAYS * STATIONS} sessions; processor seconds, each in a process of its own")
    with tempfile.TemporaryDirectory(prefix="wattbook-bench-") as folder:
        for name in (UNSIGNED, *CURVES):
            command = [sys.executable, "-m", "bench.bench_signed_pipeline", name, folder]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, end="", flush=True)


def run(name: str, folder: Path) -> None:
    """One measured process."""
    private = None if name == UNSIGNED else ec.generate_private_key(CURVES[name])
    capture = folder / f"{name}.ndjson"
    with capture.open("wb") as file:
        for day in range(DAYS):
            visits = (visit(station, day) for station in range(STATIONS))
            signed = (each if private is None else each._replace(sign=_signer(private, name, each)) for each in visits)
            file.writelines(capture_line(message) for message in messages(signed))
    key = "" if private is None else private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()
    app = new_app(folder / name, meter_key=key)
    spent = {"verdicts": 0.0, "signatures": 0.0}
    _timed(verdicts, "check_session", spent, "verdicts")
    _timed(check, "is_signed_by", spent, "signatures")
    began = process_time()
    tally = import_files(app.runtime, [capture], 1000).steps
    whole = process_time() - began
    wanted = "verified" if private else "unsigned"
    assert tally[f"signature: {wanted}"] == DAYS * STATIONS, tally
    shares = ", ".join(f"{what} {seconds:5.2f} s = {seconds / whole:5.1%}" for what, seconds in spent.items())
    print(f"{name:15}  whole {whole:6.2f} s  {shares}")


def _timed(module: Any, name: str, spent: dict[str, float], what: str) -> None:
    """The function of the module with a clock around it."""
    work: Callable[..., Any] = getattr(module, name)

    @wraps(work)
    def timed(*arguments: Any) -> Any:
        began = process_time()
        try:
            return work(*arguments)
        finally:
            spent[what] += process_time() - began

    setattr(module, name, timed)


def _signer(private: ec.EllipticCurvePrivateKey, curve: str, each: Any) -> Callable[[str, datetime, Decimal, str], str]:
    """OCMF of about 500 bytes, numbered by the day."""
    serial, day = each.station.replace("ST", "M"), each.plugged.day

    def sign(kind: str, at: datetime, register_wh: Decimal, identification: str) -> str:
        time = at.strftime("%Y-%m-%dT%H:%M:%S,000+0000 S")
        reading = {"TM": time, "TX": kind, "RV": str(register_wh.scaleb(-3)), "RI": "1-b:1.8.0", "RU": "kWh", "ST": "G"}
        head = {"FV": "1.0", "GI": "Bench", "GS": serial, "GV": "1", "PG": f"T{2 * day + (kind != 'B')}", "MS": serial}
        told = head | {"IS": True, "IL": "VERIFIED", "IT": "ISO14443", "ID": identification, "RD": [reading]}
        payload = json.dumps(told, separators=(",", ":"))
        signature = private.sign(payload.encode(), ec.ECDSA(hashes.SHA256())).hex()
        return f'OCMF|{payload}|{{"SA":"ECDSA-{curve}-SHA256","SD":"{signature}"}}'

    return sign


if __name__ == "__main__":
    if len(sys.argv) == 3:
        run(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
