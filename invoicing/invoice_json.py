"""An invoice as JSON: the machine's copy, attached to the PDF and handed out by the API.

The fields are those of `vocabulary.billing.Invoice` in their order, with the buyer in the clear, so it can be read back and
compared with the log. Decimals are strings; amounts are whole minor units. The terms of EN 16931 stand for them thus:

    number BT-1                 issued_on BT-2              due_on BT-9            currency BT-5
    contract BT-12              period_start BT-73          period_end BT-74       buyer.reference BT-10
    seller BG-4                 seller.vat_id BT-31         seller.tax_number BT-32     seller.iban BT-84
    buyer BG-7                  buyer.vat_id BT-48          net BT-109             tax BT-110      total BT-112, BT-115
    vat[] BG-23                 .net BT-116                 .vat BT-117            .vat_percent BT-119
    sessions[].session BT-128   .lines[] BG-25              .rated.billed BT-129 (Wh, seconds or 1)
    .lines[].reason BT-127      .rated.unit_price BT-146    .rated.vat_percent BT-152

An absent `vat_percent` means that no VAT applies, which is not 0 %. The breakdown is per country and rate; EN 16931 knows the
rate alone, since it knows no document that owes VAT to two states. Where `.rated.basis` is "gross", `unit_price` contains VAT,
and BT-146 has to be computed of it. A line with `.rated.limit` is what a minimum price adds or a maximum price takes off: it
has its amount alone, its unit price and quantity say nothing.
"""

import msgspec

from invoicing.gate import demand
from vocabulary.billing import Invoice
from vocabulary.codec import as_plain
from vocabulary.reference import Party

FORMAT = "wattbook.invoice/1"


def invoice_json(invoice: Invoice, buyer: Party) -> bytes:
    """The invoice and its buyer, indented for people, byte for byte the same whenever it is asked for."""
    fields = {"format": FORMAT, **as_plain(demand(invoice)), "buyer": as_plain(buyer)}
    return msgspec.json.format(msgspec.json.encode(fields), indent=2) + b"\n"
