"""Whole invoices as text, against files that were read by a person.

After a change that is wanted: `TEST_UPDATE=1 pytest tests/invoicing/test_invoice_text.py`, and review the difference.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from invoicing.draw_up import Billable
from invoicing.invoice_text import WIDTH, invoice_text
from tests.invoicing.material import (
    BUYER,
    ENERGY,
    OPERATOR,
    Price,
    as_signed,
    invoice,
    month_of_sessions,
    run,
    session,
    verdict,
)
from vocabulary.billing import Invoice
from vocabulary.quantities import WattHours
from vocabulary.reference import Address, Party
from vocabulary.sessions import SessionRated
from vocabulary.signatures import SignatureReason, Verdict
from vocabulary.tariff import Basis, Dimension

GOLDEN = Path(__file__).parent / "golden"
ABROAD = Party(
    name="Ålesund Frakt AS", address=Address(street="Kongens gate 1", postal_code="6002", city="Ålesund", country="NO")
)


def three_sessions(language: str) -> Invoice:
    return invoice(*month_of_sessions(3), language=language)


def every_kind_of_line(language: str) -> Invoice:
    """Several rates, zones and countries, a free session, none signed, over midnight and over the change of the clock."""
    time = Price(Dimension.TIME, "5712", "1.20", vat="20")
    untaxed = Price(Dimension.FLAT, "1", "0.25", vat=None)
    sessions = (
        session(time, untaxed, time_zone="Europe/Vienna", country="AT", site_name="Westbahnhof", key="1"),
        session(ENERGY, start=datetime(2026, 10, 25, 0, 30, tzinfo=UTC), seconds=2700, key="2"),
        session(Price(Dimension.ENERGY, "4444.4", "0", vat="7"), start=datetime(2026, 10, 20, 22, 50, tzinfo=UTC), key="3"),
        session(start=datetime(2026, 10, 6, 23, 50, tzinfo=UTC), time_zone="Europe/Lisbon", site_name="Rossio", key="4"),
    )
    verdicts = (None, verdict(sessions[1], Verdict.UNVERIFIABLE), verdict(sessions[2], Verdict.FAILED), None)
    (only,) = run(
        [Billable(rated=one, signature=said) for one, said in zip(sessions, verdicts, strict=True)], language=language
    )
    return msgspec.structs.replace(only, seller=msgspec.structs.replace(OPERATOR, iban="", bic="", phone="", registration=""))


def limits_and_reservations(language: str) -> Invoice:
    """A minimum and a maximum price, a reservation, one that expired, a price per minute, gross prices beside net ones."""
    before, gross = {"part": (-20, 0), "reserved": True}, {"basis": Basis.GROSS}
    reservation = (
        Price(Dimension.TIME, "1200", "0.05", per_minute=True, **before),
        Price(Dimension.FLAT, "1", "0.50", **before),
    )
    return invoice(
        session(*reservation, ENERGY, start=datetime(2026, 10, 7, 9, tzinfo=UTC), key="1"),
        session(Price(Dimension.ENERGY, "120", "0.49"), start=datetime(2026, 10, 8, 9, tzinfo=UTC), key="2", limit="0.50"),
        session(
            Price(Dimension.ENERGY, "43210", "0.5831", **gross),
            Price(Dimension.PARKING_TIME, "5400", "0.119", per_minute=True, **gross),
            start=datetime(2026, 10, 9, 9, tzinfo=UTC),
            key="3",
            limit="20",
        ),
        expired_reservation(),
        language=language,
    )


def expired_reservation() -> SessionRated:
    fee = Price(Dimension.FLAT, "1", "4.00", reserved=True)
    nothing = WattHours(Decimal(0))
    rated = session(fee, start=datetime(2026, 10, 10, 9, tzinfo=UTC), seconds=1800, key="4")
    return msgspec.structs.replace(rated, unused=True, begin_wh=nothing, end_wh=nothing)


def gross_prices(language: str) -> Invoice:
    return invoice(session(Price(Dimension.ENERGY, "23456", "0.5831", basis=Basis.GROSS)), language=language)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    ("make", "buyer"),
    [
        (three_sessions, BUYER),
        (every_kind_of_line, ABROAD),
        (limits_and_reservations, BUYER),
        (gross_prices, BUYER),
    ],
)
def test_the_text_is_the_one_that_was_reviewed(make: Callable[[str], Invoice], buyer: Party, language: str):
    text = invoice_text(make(language), buyer)
    golden = GOLDEN / f"{make.__name__}.{language}.txt"
    if os.environ.get("TEST_UPDATE"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("said", [None, *Verdict])
def test_by_older_rules_the_annex_shows_signed_readings_where_they_are_valid(said: Verdict | None):
    """Which differ by no more than whole watt-hours from those that are billed."""
    one = session(ENERGY)
    signature = said and msgspec.structs.replace(verdict(one, said), billing=None)
    (only,) = run([Billable(rated=one, signature=signature)])
    annex = invoice_text(only, BUYER).partition("Annex:")[2]
    assert ("18,204.512 – 18,227.968 kWh" in annex) == (said is Verdict.VERIFIED)
    assert ("7,300.000 – 7,323.456 kWh" in annex) == (said is not Verdict.VERIFIED)


def test_the_annex_shows_the_readings_that_are_billed_and_whether_they_are_the_signed_ones():
    one = session(ENERGY)
    for rated, begin, word in ((one, "7,300.000", "as told, not as signed ·"), (as_signed(one), "18,204.512", " valid ·")):
        (only,) = run([Billable(rated=rated, signature=verdict(rated))])
        annex = invoice_text(only, BUYER).partition("Annex:")[2]
        assert begin in annex
        assert word in annex
        assert ("signed 18,204.512 – 18,227.968 kWh" in annex) == (rated is one), (
            "what was signed is told where it is not billed"
        )


def test_a_row_of_the_annex_tells_when_its_session_began():
    """Two sessions on one day are matched to their charges by it."""
    starts = [datetime(2026, 10, 12, hour, 14, tzinfo=UTC) for hour in (6, 16)]
    made = invoice(*(session(ENERGY, start=at, key=str(at.hour)) for at in starts))
    annex = invoice_text(made, BUYER).partition("Annex:")[2]
    assert "12 Oct 2026, 08:14  " in annex
    assert "12 Oct 2026, 18:14  " in annex


def test_where_there_is_no_pair_no_signed_times_are_told():
    one = session(ENERGY)
    nothing = {"begin_wh": None, "end_wh": None}
    refused = msgspec.structs.replace(verdict(one), billing=Verdict.FAILED, billing_reason=SignatureReason.END_TWICE, **nothing)
    (only,) = run([Billable(rated=one, signature=refused)])
    annex = invoice_text(only, BUYER).partition("Annex:")[2]
    assert "as told, not as signed" in annex
    assert "clock" not in annex


def test_a_genuine_pair_that_may_not_be_billed_is_not_called_valid_alone():
    one = as_signed(session(ENERGY))
    refused = msgspec.structs.replace(verdict(one), billing=Verdict.FAILED, billing_reason=SignatureReason.PAGINATION)
    (only,) = run([Billable(rated=one, signature=refused)])
    assert "as told, not as signed" in invoice_text(only, BUYER)


def test_vat_names_its_country_only_where_it_is_not_the_sellers_alone():
    at_home, abroad = session(ENERGY), session(ENERGY, country="AT", key="2")
    for sessions, countries in (([at_home], []), ([abroad], ["Austria"]), ([abroad, at_home], ["Germany", "Austria"])):
        text = invoice_text(invoice(*sessions), BUYER)
        told = [line.split("  ")[0] for line in text.splitlines() if line.startswith("19%")]
        assert told == ([f"19% · {country}" for country in countries] or ["19%"])


def test_no_line_is_wider_than_a_terminal():
    lines = [line for tag in ("en", "de") for line in invoice_text(every_kind_of_line(tag), ABROAD).splitlines()]
    assert max(map(len, lines)) <= WIDTH


def test_a_price_that_did_not_hold_all_the_time_says_so():
    """A line has the time from when to when its price held: a driver would take it for all of that."""
    sold = session(
        Price(Dimension.ENERGY, "9000", "0.20"),
        Price(Dimension.ENERGY, "1000", "0.40"),
        start=datetime(2026, 10, 12, 20, tzinfo=UTC),
    )
    night, day = sold.rated.lines
    lines = (msgspec.structs.replace(night, breaks=True), day)
    told = {
        tag: invoice_text(
            invoice(msgspec.structs.replace(sold, rated=msgspec.structs.replace(sold.rated, lines=lines)), language=tag),
            BUYER,
        )
        for tag in ("en", "de")
    }
    assert told["en"].count(", with breaks") == 1
    assert told["de"].count(", mit Unterbrechungen") == 1
