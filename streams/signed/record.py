"""A signed record, whatever its format: what was signed, the signature, and what the meter says about itself in it.

Nothing here is verified. The signed bytes are those that came; only the formats that carry fields instead of bytes (SML,
Mennekes, chargeIT) have them put together again, by the layout that their meter signs.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from streams.registers import EXACT
from streams.signed.ecdsa import Curve
from vocabulary.quantities import WattHours
from vocabulary.signatures import MeterClock, Nature, SignatureReason

_ONE = Decimal(1)
MAX_BYTES = 65_536  # OCPP 2.1 allows 32 768 characters of base64


class Format(StrEnum):
    """As the S.A.F.E. transparency software names them; the last two are Chargy's, which it does not read."""

    OCMF = "OCMF"
    EDL_40_P = "EDL_40_P"
    EDL_40_SIG = "EDL_40_SIG"
    EDL_40_MENNEKES = "EDL_40_MENNEKES"
    ISA_EDL_40_P = "ISA_EDL_40_P"
    ALFEN = "ALFEN"
    PCDF = "PCDF"
    CHARGEIT_EMH = "CHARGEIT_EMH"
    CHARGEIT_BSM = "CHARGEIT_BSM"


class CannotJudge(ValueError):
    """The verdict `unverifiable`: why nothing can be said about a signature. `detail` says what and where, in few words."""

    def __init__(self, reason: SignatureReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail[:200]


def unreadable(detail: str) -> CannotJudge:
    """It says by its first bytes which format it is, and is broken."""
    return CannotJudge(SignatureReason.RECORD_UNREADABLE, detail)


def hex_or_none(text: str) -> bytes:
    """Its bytes; none at all where it is not hex, so that it is found to be no signature."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


class Writing(StrEnum):
    """How an ECDSA signature is written down."""

    DER = "der"
    BARE = "bare"  # r and s side by side, each as long as the curve's order
    EITHER = "either"


class Signature(NamedTuple):
    """`curves`: those that the record or its format allows; the key must be of one of them. The hash is SHA-256."""

    value: bytes
    writing: Writing
    curves: tuple[Curve, ...]


def in_wh(number: Decimal, power_of_ten: int) -> WattHours:
    """Exact, with the digits that were signed and no more: 1203.400 kWh are 1203400 Wh."""
    wh = EXACT.scaleb(number, power_of_ten)
    return WattHours(EXACT.quantize(wh, _ONE) if "E+" in str(wh) else wh)


class SignedReading(NamedTuple):
    """One reading of a record, as it was signed.

    `wh` None: it is of no energy. `problem`: why the meter itself says that it is not to be billed (READING_NOT_GOOD,
    ENERGY_UNUSABLE), with `detail` in words. `is_time_usable`: no flag says that its time is not.
    """

    nature: Nature
    wh: WattHours | None
    register: str = ""  # OBIS as signed, "1-b:1.8.0"
    at: datetime | None = None  # UTC
    clock: MeterClock = MeterClock.UNKNOWN
    problem: SignatureReason | None = None
    detail: str = ""
    is_time_usable: bool = True


class SignedRecord(NamedTuple):
    """`signed`: the bytes that the signature is over. `meter`: what begin and end must share, its serial number, by which the
    operator registers it; that of the unit that signs, where the record names no meter of its own.

    `identification` is personal: a token's UID as signed. It is compared, and never told on.
    """

    format: Format
    signed: bytes
    signature: Signature
    readings: tuple[SignedReading, ...]
    version: str = ""
    algorithm: str = ""  # as the record names it, or as its format implies: "ECDSA-secp256r1-SHA256"
    meter: str = ""
    claimed_key: str = ""  # that stands inside the record, in its own writing
    pagination: int | None = None  # the meter counts its signed records
    is_fiscal: bool = False  # its pagination is that of fiscal readings, not of transactions
    identification: str = ""
    meter_transaction: str = ""  # the meter's own number of the transaction
    loss: str = ""  # how it compensates for a cable, in words
    place: str = ""  # the EVSE as signed
    problem: SignatureReason | None = None  # of the whole record: BILLING_REFUSED, ID_REFUSED, FIELD_UNSIGNED
    detail: str = ""
