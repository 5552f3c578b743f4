"""Facts about payments at the station: 2.1 part 2, C18-C25 (see `vocabulary.fact`).

    NotifySettlement             PaymentSettled, and CompanyGiven where it names one
    NotifyWebPaymentStarted      WebPaymentStarted
    VatNumberValidation          VatNumberAsked; its answer is a `MessageAnswered`

VAT numbers and companies may be a person's name and address: they are in the frame, and never in an event, which is published
and exported. An event says that they were given, and by the payment's reference they are found. Receipts' addresses likewise.
"""

from datetime import datetime
from decimal import Decimal

from vocabulary.fact import Carried, Fact
from vocabulary.identity import TransactionId


class PaymentSettled(Fact, frozen=True, kw_only=True, omit_defaults=True, tag="payment.settled"):
    """The payment service's word on a payment, through the station: Settled, Canceled, Rejected or Failed."""

    payment: str  # pspRef
    status: str
    amount: Decimal  # including taxes, in the currency of the transaction's tariff
    at: datetime  # settlementTime
    transaction: TransactionId | None = None  # None: cancelled before there was one
    receipt: str | None = None  # receiptId, where the station makes receipts


class CompanyGiven(Fact, frozen=True, kw_only=True, omit_defaults=True, tag="payment.company_given"):
    """The driver asked for an invoice to a company."""

    payment: str
    transaction: TransactionId | None = None


class WebPaymentStarted(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="payment.web_started"):
    """The CSMS to the station: somebody pays on the web for this EVSE."""

    evse: int
    timeout_s: int | None = None


class VatNumberAsked(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="payment.vat_number_asked"):
    evse: int | None = None
