"""Payments at the station, 2.1 part 2, C18-C25, as facts: `vocabulary.payment_facts`, which says what stays out of them."""

from typing import Final

import msgspec

from ingest.envelope import Origin
from ingest.loose import fields
from ingest.station_messages import Reader
from vocabulary.decoded import Decoded
from vocabulary.payment_facts import CompanyGiven, PaymentSettled, VatNumberAsked, WebPaymentStarted


def notify_settlement(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """C20. A retry may leave the company out: one settlement all the same, so that is a fact of its own."""
    call = fields(payload)
    transaction, payment = call.transaction(), call.need_text("pspRef")
    settled = PaymentSettled(
        station=origin.station,
        payment=payment,
        status=call.need_text("status"),
        amount=call.need_number("settlementAmount"),
        at=call.need_instant("settlementTime"),
        transaction=transaction,
        receipt=call.text("receiptId"),
    )
    if "vatCompany" not in call and "vatNumber" not in call:
        return (settled,)
    return settled, CompanyGiven(station=origin.station, payment=payment, transaction=transaction)


def vat_number_validation(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    return (VatNumberAsked(**origin.carried(), evse=fields(payload).integer("evseId")),)


def notify_web_payment_started(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """C25."""
    call = fields(payload)
    return (WebPaymentStarted(**origin.carried(), evse=call.need_integer("evseId"), timeout_s=call.integer("timeout")),)


FROM_STATION: Final[dict[str, Reader]] = {
    "NotifySettlement": notify_settlement,
    "VatNumberValidation": vat_number_validation,
}
TO_STATION: Final[dict[str, Reader]] = {"NotifyWebPaymentStarted": notify_web_payment_started}
