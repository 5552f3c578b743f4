"""The machine's copy of an invoice."""

import json

import msgspec
from hypothesis import given, settings

from invoicing.invoice_json import invoice_json
from tests.invoicing.material import BUYER, ENERGY, Price, invoice, invoices, session
from tests.invoicing.strategies import months
from vocabulary.billing import Invoice
from vocabulary.reference import Party
from vocabulary.sessions import SessionRated
from vocabulary.tariff import Dimension


@settings(max_examples=40)
@given(months())
def test_the_json_reads_back_as_the_invoice_and_its_buyer_and_is_the_same_every_time(month: list[SessionRated]):
    for issued in invoices(*month):
        body = invoice_json(issued, BUYER)
        fields = json.loads(body)
        assert msgspec.convert(fields.pop("buyer"), Party) == BUYER
        assert msgspec.convert({**fields, "buyer": issued.buyer}, Invoice) == issued
        assert invoice_json(issued, BUYER) == body


def test_every_amount_is_a_string_with_its_cents():
    fields = json.loads(invoice_json(invoice(session(ENERGY)), BUYER), parse_float=lambda digits: f"a float: {digits}")
    assert (fields["net"], fields["tax"], fields["total"]) == ("11.50", "2.18", "13.68")
    assert fields["sessions"][0]["lines"][0] == {
        "rated": {
            "dimension": "ENERGY",
            "element": 1,
            "quantity": "23456",
            "billed": "23456",
            "unit_price": "0.4900",
            "vat_percent": "19",
            "since": "2026-10-12T06:14:00Z",
            "until": "2026-10-12T07:49:00Z",
            "reason": "tariff element applies",
        },
        "gross": "13.68",
        "reason": "",
    }


def test_site_readings_and_reasons_stand_at_their_session_and_vat_names_its_country():
    in_the_morning = Price(Dimension.ENERGY, "23456", "0.3950")
    abroad = session(in_the_morning, time_zone="Europe/Vienna", country="AT", key="2")
    fields = json.loads(invoice_json(invoice(session(ENERGY), abroad, language="de"), BUYER))
    first, second = sorted(fields["sessions"], key=lambda one: one["vat_country"], reverse=True)
    assert (first["site"], first["site_name"]) == ("hh-0007", "Parkhaus Speicherstadt")
    assert (first["begin_wh"], first["end_wh"]) == ("18204512", "18227968")
    assert [one["lines"][0]["reason"] for one in (first, second)] == ["", "05:30-08:00 Uhr"]
    assert [(part["country"], part["vat_percent"]) for part in fields["vat"]] == [("DE", "19"), ("AT", "19")]


def test_the_sealed_holder_is_replaced_and_nothing_else_is_added():
    issued = invoice(session(ENERGY))
    body = invoice_json(issued, BUYER)
    assert issued.buyer.encode() not in body
    assert json.loads(body).keys() - set(Invoice.__struct_fields__) == {"format"}
