"""What comes on an invoice, and what it adds up to."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings

from invoicing.draw_up import Billable
from invoicing.gate import objections
from ledger.chart import vat_payable
from ledger.post import post
from tests.invoicing.material import (
    CENT,
    CONTRACT,
    ENERGY,
    OPERATOR,
    REQUEST,
    Price,
    half_up,
    invoice,
    invoices,
    run,
    session,
    verdict,
)
from tests.invoicing.strategies import months
from vocabulary.billing import Invoice, InvoiceIssued
from vocabulary.codec import encode
from vocabulary.money import Currency, to_micro
from vocabulary.sessions import Finding, SessionRated
from vocabulary.tariff import Dimension


def at(day: int, hour: int = 6, minute: int = 0, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


# By hand


def test_an_invoice_over_two_sessions_adds_up_as_a_bookkeeper_would():
    """23.456 kWh at 0.49 net are 11.49344, with 19 % 13.67719: 13.68. Idle half an hour at 6.00: 3.00, gross 3.57."""
    idle = Price(Dimension.PARKING_TIME, "1500", "6.00", billed="1800")
    found = invoice(session(ENERGY, start=at(12), key="1"), session(ENERGY, idle, start=at(13), key="2"))
    first, second = found.sessions
    assert [line.gross for line in first.lines] == [Decimal("13.68")]
    assert [line.gross for line in second.lines] == [Decimal("13.68"), Decimal("3.57")]
    assert (first.gross, second.gross) == (Decimal("13.68"), Decimal("17.25"))
    assert (found.net, found.tax, found.total) == (Decimal("25.99"), Decimal("4.94"), Decimal("30.93"))


def test_the_total_is_what_drivers_were_shown_even_where_net_lines_would_differ():
    """Three times 0.5801 gross are shown as 0.58 each: 1.74. Net 1.46218... is 1.46, VAT what remains."""
    found = invoice(*(session(Price(Dimension.FLAT, "1", "0.4875"), start=at(5 + n), key=str(n)) for n in range(3)))
    assert (found.net, found.tax, found.total) == (Decimal("1.46"), Decimal("0.28"), Decimal("1.74"))


def test_each_vat_rate_has_its_own_breakdown_highest_first_and_no_vat_is_not_zero_percent():
    rates = ["7", None, "0", "19"]
    found = invoice(session(*(Price(Dimension.FLAT, "1", "1.00", vat=rate) for rate in rates)))
    assert [part.vat_percent for part in found.vat] == [Decimal(19), Decimal(7), Decimal(0), None]
    assert [part.gross for part in found.vat] == [Decimal("1.19"), Decimal("1.07"), Decimal("1.00"), Decimal("1.00")]
    assert (found.net, found.tax, found.total) == (Decimal("4.00"), Decimal("0.26"), Decimal("4.26"))


def test_one_rate_of_two_countries_is_two_parts_of_the_breakdown_the_sellers_country_first():
    """Austria and France both take 20 percent, and each gets its own; France takes 5.5 as well."""
    twenty, low, home = (Price(Dimension.FLAT, "1", "1.00", vat=rate) for rate in ("20", "5.5", "19"))
    where = [("FR", (low, twenty)), ("AT", (twenty,)), ("DE", (home,)), ("AT", (twenty,))]
    found = invoice(*(session(*lines, country=country, key=str(n)) for n, (country, lines) in enumerate(where)))
    told = [(part.country, str(part.vat_percent), str(part.vat)) for part in found.vat]
    assert told == [("DE", "19", "0.19"), ("AT", "20", "0.40"), ("FR", "20", "0.20"), ("FR", "5.5", "0.06")]


def test_the_cent_that_rounding_leaves_goes_to_the_line_that_lost_most():
    """Three times 0.4165 is 1.2495, shown as 1.25; each rounded alone would be 0.42, together 1.26."""
    (only,) = invoice(session(*(Price(Dimension.FLAT, "1", "0.35") for _ in range(3)))).sessions
    assert [line.gross for line in only.lines] == [Decimal("0.42"), Decimal("0.42"), Decimal("0.41")]


# What comes on it


def test_sessions_stand_in_the_order_of_their_start_and_contracts_in_that_of_their_id():
    drawn = invoices(
        session(ENERGY, start=at(9), contract="C-2", key="1"),
        session(ENERGY, start=at(8), contract="C-1", key="2"),
        session(ENERGY, start=at(7), contract="C-2", key="3"),
    )
    assert [(one.number, one.contract) for one in drawn] == [("2026-000001", "C-1"), ("2026-000002", "C-2")]
    assert [one.start for one in drawn[1].sessions] == [at(7), at(9)]


def test_another_currency_is_another_invoice():
    drawn = invoices(session(ENERGY, key="1"), session(ENERGY, currency=Currency("CHF"), key="2"))
    assert [(one.currency, one.number) for one in drawn] == [("CHF", "2026-000001"), ("EUR", "2026-000002")]


def test_held_sessions_and_those_of_partners_wait():
    held = msgspec.structs.replace(session(ENERGY, key="1"), held=Finding.SIGNATURE_FAILED)
    assert invoices(held, session(ENERGY, partner="NL*EMS", key="2")) == ()


def test_a_session_belongs_to_the_month_in_which_it_ended_at_its_site():
    november_in_berlin = session(ENERGY, start=at(31, 22, 30), seconds=3600)  # ends at 00:30 on the first
    still_october_in_lisbon = session(ENERGY, start=at(31, 22, 30), seconds=3600, time_zone="Europe/Lisbon")
    assert invoices(november_in_berlin) == ()
    assert len(invoices(still_october_in_lisbon)) == 1


def test_a_session_that_was_left_over_from_an_earlier_month_is_caught_up_with():
    late = session(ENERGY, start=at(28, month=8), key="1")
    found = invoice(late, session(ENERGY, start=at(3), key="2"))
    assert (found.period_start, found.period_end) == (date(2026, 8, 28), date(2026, 10, 3))


def test_nothing_that_ended_after_the_date_of_issue_is_on_an_invoice():
    request = msgspec.structs.replace(REQUEST, issued_on=date(2026, 10, 14))
    drawn = run([billable(session(ENERGY, start=at(day), key=str(day))) for day in (13, 14, 15)], request=request)
    assert [one.start.day for one in drawn[0].sessions] == [13, 14]


def test_a_free_session_is_shown_but_an_invoice_over_nothing_is_not_issued():
    free = session(Price(Dimension.ENERGY, "5000", "0"), key="1")
    without_lines = session(start=at(15), key="2")
    assert invoices(free, without_lines) == ()
    shown = invoice(free, without_lines, session(ENERGY, start=at(16), key="3"))
    assert [one.gross for one in shown.sessions] == [Decimal("0.00"), Decimal("0.00"), Decimal("13.68")]


def test_a_contract_without_an_invoice_takes_no_number():
    free = session(Price(Dimension.ENERGY, "5000", "0"), contract="C-1", key="1")
    drawn = invoices(free, session(ENERGY, contract="C-2", key="2"), session(ENERGY, contract="C-3", key="3"), next_number=41)
    assert [one.number for one in drawn] == ["2026-000041", "2026-000042"]


def test_the_period_is_of_local_days_and_payment_is_due_after_the_operators_days():
    found = invoice(session(ENERGY, start=at(11, 22, 30), seconds=600))  # 00:30 on the 12th in Berlin
    assert (found.period_start, found.period_end) == (date(2026, 10, 12), date(2026, 10, 12))
    assert found.due_on - found.issued_on == timedelta(days=OPERATOR.payment_days)


def test_the_holder_stays_sealed_and_the_verdict_stands_beside_its_session():
    one = session(ENERGY)
    found = invoice(one)
    assert found.buyer == CONTRACT.holder
    assert found.sessions[0].signature == verdict(one)


def test_a_line_says_when_its_price_applies_and_in_which_zone_where_clocks_differ():
    in_the_morning, later = Price(Dimension.ENERGY, "8000", "0.3950"), Price(Dimension.ENERGY, "9000", "0.44")
    fee = Price(Dimension.FLAT, "1", "0.50")
    (shown,) = invoice(session(in_the_morning, later, fee), language="de").sessions
    assert [line.reason for line in shown.lines] == ["05:30-08:00 Uhr", "zu allen anderen Zeiten", ""]

    def reasons(*zones: str) -> list[str]:
        found = invoice(
            *(session(in_the_morning, start=at(n), time_zone=zone, key=zone) for n, zone in enumerate(zones, start=1))
        )
        return [one.lines[0].reason for one in found.sessions]

    assert reasons("Europe/Berlin", "Europe/Vienna") == ["05:30-08:00", "05:30-08:00"]
    assert reasons("Europe/Berlin", "Europe/Lisbon") == ["05:30-08:00 Europe/Berlin", "05:30-08:00 Europe/Lisbon"]


# For any month


@settings(max_examples=60)
@given(months())
def test_lines_add_up_to_sessions_sessions_to_the_total_and_net_and_vat_to_gross(month: list[SessionRated]):
    for found in invoices(*month):
        for shown, rated in zip(found.sessions, sorted(month, key=lambda one: (one.start, one.session)), strict=True):
            assert sum(line.gross for line in shown.lines) == shown.gross == rated.rated.total
        assert sum(shown.gross for shown in found.sessions) == found.total == sum(one.rated.total for one in month)
        assert sum(part.gross for part in found.vat) == found.net + found.tax == found.total
        for part in found.vat:
            assert part.net == half_up(Fraction(part.gross) * 100 / (100 + Fraction(part.vat_percent or 0)))


@settings(max_examples=60)
@given(months())
def test_any_mix_of_countries_and_rates_posts_balances_and_clears_what_its_sessions_stood_at(month: list[SessionRated]):
    for found in invoices(*month):
        sessions = [entry for rated in month for entry in post(rated)]
        (document,) = post(InvoiceIssued(invoice=found))
        books = [posting for entry in (*sessions, document) for posting in entry.postings]
        assert all(sum(posting.amount_micro for posting in entry.postings) == 0 for entry in (*sessions, document))
        balances = {one.account: sum(o.amount_micro for o in books if o.account == one.account) for one in books}
        assert not any(amount for account, amount in balances.items() if account.startswith(("1105:", "2210:")))
        payable = {account: -amount for account, amount in balances.items() if account.startswith("2200:")}
        assert payable == {vat_payable(p.country, p.vat_percent): to_micro(p.vat) for p in found.vat if p.vat_percent and p.vat}


@settings(max_examples=40)
@given(months(contracts=("C-1", "C-2", "C-3")))
def test_numbers_have_no_gap_and_every_session_that_is_owed_for_stands_once(month: list[SessionRated]):
    drawn = invoices(*month, next_number=7)
    assert [one.number for one in drawn] == [f"2026-{n:06d}" for n in range(7, 7 + len(drawn))]
    billed = [shown.session for one in drawn for shown in one.sessions]
    owes = {
        contract: sum(one.rated.total for one in month if one.contract == contract) for contract in {o.contract for o in month}
    }
    owing = {contract for contract, total in owes.items() if total > 0}
    assert sorted(billed) == sorted(one.session for one in month if one.contract in owing)


@settings(max_examples=40)
@given(months(contracts=("C-1", "C-2")))
def test_the_order_in_which_sessions_come_changes_no_byte(month: list[SessionRated]):
    assert [encode(one) for one in invoices(*month)] == [encode(one) for one in invoices(*reversed(month))]


# The gate


def broken(**changes: object) -> list[str]:
    two_rates = session(ENERGY, Price(Dimension.FLAT, "1", "1.00", vat="7"))
    return list(objections(msgspec.structs.replace(invoice(two_rates), **changes)))


def first_session(**changes: object) -> tuple[object, ...]:
    (only,) = invoice(session(ENERGY, Price(Dimension.FLAT, "1", "1.00", vat="7"))).sessions
    return (msgspec.structs.replace(only, **changes),)


def test_a_sound_invoice_passes_the_gate():
    assert broken() == []


@pytest.mark.parametrize("field", ["net", "tax", "total"])
def test_a_total_that_is_a_cent_off_is_found(field: str):
    sound: Invoice = invoice(session(ENERGY))
    assert list(objections(msgspec.structs.replace(sound, **{field: getattr(sound, field) + CENT})))


def test_a_session_that_is_a_cent_off_is_found():
    assert "the lines of a session do not add up to it" in broken(sessions=first_session(gross=Decimal("14.74")))


def test_vat_of_another_country_than_that_of_its_sessions_is_found():
    high, low = invoice(session(ENERGY, Price(Dimension.FLAT, "1", "1.00", vat="7"))).vat
    found = broken(vat=(high, msgspec.structs.replace(low, country="AT")))
    assert found == ["the lines at 7 percent of AT do not add up to 1.07"]


def test_vat_that_was_shifted_between_rates_is_found():
    sound = invoice(session(ENERGY, Price(Dimension.FLAT, "1", "1.00", vat="7")))
    high, low = sound.vat
    shifted = (
        msgspec.structs.replace(high, net=high.net + CENT, vat=high.vat - CENT),
        msgspec.structs.replace(low, net=low.net - CENT, vat=low.vat + CENT),
    )
    found = broken(vat=shifted)
    assert len([one for one in found if "is not what is contained" in one]) == 2


def test_dates_that_run_backwards_a_session_twice_and_half_cents_are_found():
    assert "it is due before it is issued" in broken(due_on=date(2026, 1, 1))
    assert "its period is not that of its sessions" in broken(period_end=date(2026, 10, 30))
    assert "a session stands on it twice" in broken(sessions=first_session() * 2)
    assert "an amount has parts of a minor unit" in broken(net=Decimal("12.505"))
    assert "it has no session" in broken(sessions=())


def billable(rated: SessionRated) -> Billable:
    return Billable(rated=rated, signature=verdict(rated))
