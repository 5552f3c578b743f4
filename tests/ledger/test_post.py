"""The posting rules, as an accountant would check them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ledger.chart import PostingError
from ledger.journal import minor_unit_micro
from ledger.post import post
from tests.ledger.notation import END, check, events, issued, line, session
from tests.ledger.strategies import CURRENCIES, sessions_of
from vocabulary.billing import Entry
from vocabulary.identity import SessionId
from vocabulary.money import to_micro
from vocabulary.sessions import ChargeReversed, Finding, ReversalReason, SessionFlagged, SessionRated
from vocabulary.tariff import Dimension


def test_energy_and_idle_time_are_revenue_of_their_own_and_vat_is_accrued_once() -> None:
    check("""
        session S-1 of contract C-1 in DE
          ENERGY        10000 Wh at 0.45  19 %
          PARKING_TIME   1200 s  at 6.00  19 %
        -----
        1105:contract:C-1   7.735
        4010:DE            -4.50
        4040:DE            -2.00
        2210:DE:19         -1.235
    """)


def test_all_four_prices_have_their_account() -> None:
    check("""
        session S-1 of contract C-1 in AT
          FLAT              1 x  at 1.00  20 %
          ENERGY         2000 Wh at 0.50  20 %
          TIME           1800 s  at 2.00  20 %
          PARKING_TIME   3600 s  at 3.00  20 %
        -----
        1105:contract:C-1   7.20
        4030:AT            -1.00
        4010:AT            -1.00
        4020:AT            -1.00
        4040:AT            -3.00
        2210:AT:20         -1.20
    """)


def test_the_same_price_twice_is_one_posting() -> None:
    check("""
        session S-1 of contract C-1 in DE
          ENERGY   1000 Wh at 0.30  19 %
          ENERGY   1000 Wh at 0.20  19 %
        -----
        1105:contract:C-1   0.595
        4010:DE            -0.50
        2210:DE:19         -0.095
    """)


def test_two_vat_rates_are_accrued_apart() -> None:
    check("""
        session S-1 of contract C-1 in DE
          ENERGY   1000 Wh at 1.00  19 %
          FLAT        1 x  at 1.00   7 %
        -----
        1105:contract:C-1   2.26
        4010:DE            -1.00
        4030:DE            -1.00
        2210:DE:19         -0.19
        2210:DE:7          -0.07
    """)


def test_no_vat_and_zero_percent_accrue_nothing() -> None:
    check("""
        session S-1 of contract C-1 in DE
          ENERGY   1000 Wh at 1.00  no VAT
          FLAT        1 x  at 1.00   0 %
        -----
        1105:contract:C-1   2.00
        4010:DE            -1.00
        4030:DE            -1.00
    """)


def test_a_session_is_posted_to_the_millionth_and_each_line_is_rounded_once() -> None:
    """12.3456 kWh at 0.3333 are 4.11478848, and 100 s at 1.00 an hour 0.02777…; the VAT on both together is 0.78708…"""
    check("""
        session S-1 of contract C-1 in DE
          ENERGY   12345.6 Wh at 0.3333  19 %
          TIME         100 s  at 1.00    19 %
        -----
        1105:contract:C-1   4.929654
        4010:DE            -4.114788
        4020:DE            -0.027778
        2210:DE:19         -0.787088
    """)


def test_a_session_of_a_roaming_partner_is_owed_by_the_partner() -> None:
    check("""
        session S-1 of partner NL*EMS in DE
          ENERGY   1000 Wh at 1.00  19 %
        -----
        1105:partner:NL*EMS   1.19
        4010:DE              -1.00
        2210:DE:19           -0.19
    """)


def test_a_session_in_doubt_is_held_gross_and_is_neither_revenue_nor_vat() -> None:
    check("""
        session S-1 of contract C-1 in DE, in doubt: meter_signature_failed
          ENERGY   1000 Wh at 1.00  19 %
          FLAT        1 x  at 1.00   7 %
        -----
        1105:contract:C-1               2.26
        2500:meter_signature_failed    -2.26
    """)


def test_a_free_session_and_a_free_invoice_are_entries_without_postings() -> None:
    check("""
        session S-1 of contract C-1 in DE
          ENERGY   1000 Wh at 0.00  19 %
        -----
    """)
    check("""
        session S-1 of contract C-1 in DE
          ENERGY   1000 Wh at 0.00  19 %
        invoice I-1 for contract C-1
        -----
    """)


def test_an_invoice_moves_what_was_delivered_to_what_is_owed_and_accrued_vat_to_payable_vat() -> None:
    check("""
        session S-1 of contract C-1 in DE
          ENERGY   10000 Wh at 0.50  19 %
        invoice I-1 for contract C-1
        -----
        1100:C-1             5.95
        1105:contract:C-1   -5.95
        2210:DE:19           0.95
        2200:DE:19          -0.95
    """)


def test_what_rounding_leaves_of_an_invoice_is_a_rounding_difference() -> None:
    """Exact: net 4.50 + 2.00, VAT 1.235. Owed: 7.74, of which the document says net 6.50 and VAT 1.24: nothing is left."""
    check("""
        session S-1 of contract C-1 in DE
          ENERGY        10000 Wh at 0.45  19 %
          PARKING_TIME   1200 s  at 6.00  19 %
        invoice I-1 for contract C-1
        -----
        1100:C-1             7.74
        1105:contract:C-1   -7.735
        2210:DE:19           1.235
        2200:DE:19          -1.24
    """)
    # Exact: net 4.114788, VAT 0.78181. Owed: 4.90, net 4.12: the document claims 0.005212 more than was delivered.
    check("""
        session S-1 of contract C-1 in DE
          ENERGY   12345.6 Wh at 0.3333  19 %
        invoice I-1 for contract C-1
        -----
        1100:C-1             4.90
        1105:contract:C-1   -4.896598
        2210:DE:19           0.78181
        2200:DE:19          -0.78
        7100:invoice        -0.005212
    """)


def test_an_invoice_takes_many_sessions_at_once() -> None:
    """Three times 0.333 + 0.06327 = 0.39627 exactly, owed 0.40 each: 1.20, net 1.01 and VAT 0.19."""
    check("""
        session S-1 of contract C-1 in DE
          ENERGY   1000 Wh at 0.333  19 %
        session S-2 of contract C-1 in DE
          ENERGY   1000 Wh at 0.333  19 %
        session S-3 of contract C-1 in DE
          ENERGY   1000 Wh at 0.333  19 %
        session S-4 of contract C-1 in DE, in doubt: meter_signature_failed
          ENERGY   1000 Wh at 0.333  19 %
        session S-5 of contract C-2 in DE
          ENERGY   1000 Wh at 0.333  19 %
        invoice I-1 for contract C-1
        -----
        1100:C-1             1.20
        1105:contract:C-1   -1.18881
        2210:DE:19           0.18981
        2200:DE:19          -0.19
        7100:invoice        -0.011
    """)


def test_an_invoice_with_two_vat_rates_owes_each_by_itself() -> None:
    check("""
        session S-1 of contract C-1 in DE
          ENERGY   1000 Wh at 1.00  19 %
          FLAT        1 x  at 1.00   7 %
        invoice I-1 for contract C-1
        -----
        1100:C-1             2.26
        1105:contract:C-1   -2.26
        2210:DE:19           0.19
        2210:DE:7            0.07
        2200:DE:19          -0.19
        2200:DE:7           -0.07
    """)


def test_vat_of_two_countries_is_owed_in_each() -> None:
    check("""
        session S-1 of contract C-1 in DE
          ENERGY   1000 Wh at 1.00  19 %
        session S-2 of contract C-1 in AT
          ENERGY   1000 Wh at 1.00  20 %
        invoice I-1 for contract C-1
        -----
        1100:C-1             2.39
        1105:contract:C-1   -2.39
        2210:DE:19           0.19
        2210:AT:20           0.20
        2200:DE:19          -0.19
        2200:AT:20          -0.20
    """)


def test_one_rate_of_two_countries_is_owed_in_each() -> None:
    check("""
        session S-1 of contract C-1 in AT
          ENERGY   1000 Wh at 1.00  20 %
        session S-2 of contract C-1 in FR
          ENERGY   2000 Wh at 1.00  20 %
        session S-3 of contract C-1 in AT
          ENERGY   3000 Wh at 1.00  20 %
        invoice I-1 for contract C-1
        -----
        1100:C-1             7.20
        1105:contract:C-1   -7.20
        2210:AT:20           0.80
        2210:FR:20           0.40
        2200:AT:20          -0.80
        2200:FR:20          -0.40
    """)


def test_yen_have_no_cents_and_dinars_have_fils() -> None:
    check("""
        session S-1 of contract C-1 in JP, JPY
          ENERGY   12345 Wh at 33.3  10 %
        invoice I-1 for contract C-1
        -----
        1100:C-1             452.00
        1105:contract:C-1   -452.19735
        2210:JP:10            41.10885
        2200:JP:10           -41.00
        7100:invoice           0.0885
    """)
    check("""
        session S-1 of contract C-1 in BH, BHD
          ENERGY   12345 Wh at 0.0333  10 %
        invoice I-1 for contract C-1
        -----
        1100:C-1             0.452
        1105:contract:C-1   -0.452198
        2210:BH:10           0.041109
        2200:BH:10          -0.041
        7100:invoice         0.000089
    """)


def test_a_session_takes_effect_when_it_ends_and_an_invoice_at_midnight_utc_of_its_date() -> None:
    rated, invoice = events("session S-1 of contract C-1 in DE\n  FLAT 1 x at 1.00 19 %\ninvoice I-1 for contract C-1")
    assert post(rated)[0].effective_at == END
    assert post(invoice)[0].effective_at == datetime(2026, 11, 2, tzinfo=UTC)
    assert (post(rated)[0].kind, post(rated)[0].subject) == ("session_rated", "S-1")
    assert (post(invoice)[0].kind, post(invoice)[0].subject) == ("invoice_issued", "I-1")


@pytest.mark.parametrize("doubt", ["", ", in doubt: meter_signature_failed"])
def test_a_reversal_takes_a_charge_back_whole_when_it_took_effect(doubt: str) -> None:
    [rated] = events(f"session S-1 of contract C-1 in DE{doubt}\n  FLAT 1 x at 1.00 19 %\n  ENERGY 1000 Wh at 1.00 7 %")
    assert isinstance(rated, SessionRated)
    [charged], [reversed_] = post(rated), post(ChargeReversed(rated=rated, reason=ReversalReason.TOLD_LATER))
    assert (reversed_.kind, reversed_.subject, reversed_.effective_at) == ("session_rated_reversed", "S-1", END)
    assert [(p.account, -p.amount_micro) for p in reversed_.postings] == [(p.account, p.amount_micro) for p in charged.postings]


def test_each_revision_of_a_charge_and_its_reversal_is_an_entry_of_its_own_and_always_the_same_one() -> None:
    [first] = events("session S-1 of contract C-1 in DE\n  FLAT 1 x at 1.00 19 %")
    assert isinstance(first, SessionRated)
    told = [structs.replace(first, revision=revision) for revision in (0, 1, 2)]
    told_back = [ChargeReversed(rated=rated, reason=ReversalReason.TOLD_LATER) for rated in told]
    ids = [entry.id for event in (*told, *told_back) for entry in post(event)]
    assert len(set(ids)) == 6
    assert ids == [entry.id for event in (*told, *told_back) for entry in post(event)]


def test_an_event_that_is_about_no_money_makes_no_entry() -> None:
    assert post(SessionFlagged(session=SessionId("S-1"), finding=Finding.ENERGY_UNKNOWN)) == ()


ONE_EURO = line(Dimension.ENERGY, Decimal(1000), Decimal(1), Decimal(19))


def test_a_document_that_rounding_cannot_explain_is_refused() -> None:
    """Two roundings of half a cent and half a millionth: a document's net is at most a cent away from what was delivered."""
    invoice = issued("I-1", [session("S-1", [ONE_EURO])]).invoice
    for total, explained in (("1.20", True), ("1.21", False), ("1.18", True), ("1.17", False)):
        changed = msgspec.structs.replace(invoice, total=Decimal(total))
        event = msgspec.structs.replace(issued("I-1", []), invoice=changed)
        if explained:
            assert post(event)
        else:
            with pytest.raises(PostingError, match="rounding explains"):
                post(event)


@pytest.mark.parametrize("other", [{"vat_percent": Decimal(7)}, {"country": "RO"}])
def test_vat_of_a_country_or_at_a_rate_that_no_session_has_is_refused(other: dict[str, Any]) -> None:
    issued_event = issued("I-1", [session("S-1", [ONE_EURO])])
    wrong = tuple(msgspec.structs.replace(group, **other) for group in issued_event.invoice.vat)
    changed = msgspec.structs.replace(issued_event.invoice, vat=wrong)
    with pytest.raises(PostingError, match="none of its sessions"):
        post(msgspec.structs.replace(issued_event, invoice=changed))


def total(entries: list[Entry], code: str) -> int:
    return sum(p.amount_micro for entry in entries for p in entry.postings if p.account.startswith(code))


SESSIONS = CURRENCIES.flatmap(sessions_of)


@given(SESSIONS)
def test_an_invoice_leaves_nothing_unbilled_and_no_vat_accrued(sessions: list[SessionRated]) -> None:
    entries = [entry for rated in sessions for entry in post(rated)] + list(post(issued("I-1", sessions)))
    assert all(total([entry], "") == 0 for entry in entries)
    assert total(entries, "1105:contract:C-1") == 0
    accrued = {p.account for entry in entries for p in entry.postings if p.account.startswith("2210:")}
    assert all(total(entries, account) == 0 for account in accrued)


@given(SESSIONS)
def test_a_driver_owes_what_was_displayed_and_the_state_what_the_document_says(sessions: list[SessionRated]) -> None:
    event = issued("I-1", sessions)
    entries = list(post(event))
    assert total(entries, "1100:") == to_micro(sum((s.rated.total for s in sessions), Decimal(0)))
    assert total(entries, "2200:") == -to_micro(event.invoice.tax)


@given(SESSIONS)
def test_rounding_is_at_most_half_a_minor_unit_per_session_and_rate_and_per_rate(sessions: list[SessionRated]) -> None:
    event = issued("I-1", sessions)
    rounded = sum(len(s.rated.owed) for s in sessions) + len(event.invoice.vat)
    lines = sum(len(s.rated.lines) for s in sessions)
    half = minor_unit_micro(event.invoice.currency) * rounded // 2
    assert abs(total(list(post(event)), "7100:")) <= half + lines


@given(SESSIONS, st.sampled_from([Finding.SIGNATURE_FAILED, Finding.SIGNED_ENERGY_DIFFERS]))
def test_what_is_held_is_what_would_have_been_owed(sessions: list[SessionRated], finding: Finding) -> None:
    for rated in sessions:
        (valid,), (held,) = post(rated), post(msgspec.structs.replace(rated, held=finding))
        assert total([held], "1105:") == total([valid], "1105:") == -total([held], "2500:")
        assert held.id == valid.id


@given(SESSIONS)
def test_posting_is_a_function_of_the_event_alone(sessions: list[SessionRated]) -> None:
    assert [post(rated) for rated in sessions] == [post(rated) for rated in sessions]
    assert post(issued("I-1", sessions)) == post(issued("I-1", sessions))
