"""Plans on invoices: what stands there, what it adds up to, and what is booked."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from invoicing.draw_up import Billable, draw_up
from invoicing.gate import objections
from invoicing.invoice_text import invoice_text
from invoicing.plan_terms import used
from invoicing.subscriptions import PlanMonth, Subscriptions
from ledger.post import post
from tests.invoicing.material import BUYER, CONTRACT, OPERATOR, REQUEST, Price, reason_of, session
from tests.invoicing.plan_notation import cap, included, per_kwh, per_session, percent, plan, term
from vocabulary.billing import Invoice, InvoiceIssued, InvoiceRunRequested
from vocabulary.codec import decode, encode
from vocabulary.identity import ContractId
from vocabulary.plan import Fee, Plan, lines_after
from vocabulary.sessions import SessionRated
from vocabulary.tariff import Basis, Dimension, DisplayText

FEE = Fee(amount=Decimal("9.99"), basis=Basis.GROSS, vat_percent=Decimal(19))
FLEET = plan(
    names=(DisplayText(language="en", text="Fleet 20"), DisplayText(language="de", text="Flotte 20")),
    included=included("20"),
    rebates=(percent("10"),),
    fee=FEE,
)
OCTOBER = "2026-10"


def energy(kwh: str, day: int, price: str = "0.40", **more: Any) -> SessionRated:
    """A session that costs kWh x price net, and 19 % VAT."""
    start = datetime(2026, 10, day, 6, tzinfo=UTC)
    return session(Price(Dimension.ENERGY, str(int(Decimal(kwh) * 1000)), price), start=start, key=f"{day}", **more)


class Office:
    """Invoice runs after one another, with what the runs before left."""

    def __init__(self, of: Plan, language: str = "en") -> None:
        self.of, self.language, self.known, self.issued = of, language, PlanMonth(terms=(term(of),)), list[Invoice]()

    def run(self, *sessions: SessionRated, request: InvoiceRunRequested = REQUEST) -> tuple[Invoice, ...]:
        contract = structs.replace(CONTRACT, language=self.language)
        subscriptions = Subscriptions((CONTRACT.id,), lambda _, __, month: self.known if month == OCTOBER else PlanMonth())
        billables = [Billable(rated=one) for one in sessions]
        found = draw_up(request, billables, lambda _: contract, OPERATOR, 1 + len(self.issued), reason_of, subscriptions)
        for invoice in found:
            self.issued.append(invoice)
            on_it = tuple(used(one, None) for one in sessions)
            self.known = self.known._replace(
                used=self.known.used + on_it, lines=lines_after(self.known.lines, [one.line for one in invoice.plan])
            )
        return found


def test_an_invoice_with_a_plan_adds_up_by_hand():
    """30 kWh at 0.476 gross are 14.28. 20 of them are included, 9.52; left 4.76, 10 percent off: 0.48. The fee: 9.99."""
    (invoice,) = Office(FLEET).run(energy("10", 12), energy("20", 13))
    assert [one.gross for one in invoice.sessions] == [Decimal("4.76"), Decimal("9.52")]
    assert [one.gross for one in invoice.plan] == [Decimal("-9.52"), Decimal("-0.48"), Decimal("9.99")]
    assert invoice.total == Decimal("14.27")
    assert (invoice.net, invoice.tax) == (Decimal("11.99"), Decimal("2.28"))
    assert (invoice.period_start, invoice.period_end) == (date(2026, 10, 1), date(2026, 10, 31))


def test_what_a_plan_charges_is_booked_apart_from_what_sessions_do():
    """Fee 9.99 gross is 8.394958 net, benefits of 10.00 are 8.403361 net. 2210 is freed of the VAT of 12.00 net, 2.28; by
    document 2.28 are owed as well.
    """
    (invoice,) = Office(FLEET).run(energy("10", 12), energy("20", 13))
    (entry,) = post(InvoiceIssued(invoice=invoice))
    booked = {posting.account: posting.amount_micro for posting in entry.postings}
    assert booked == {
        "1100:C-20418": 14_270_000,
        "1105:contract:C-20418": -14_280_000,
        "2210:DE:19": 2_280_000,
        "2200:DE:19": -2_280_000,
        "4070:DE": -8_394_958,
        "4080:DE": 8_403_361,
        "7100:invoice": 1_597,
    }


def test_a_month_without_a_session_is_invoiced_for_its_fee():
    (invoice,) = Office(FLEET).run()
    assert (invoice.total, invoice.sessions) == (Decimal("9.99"), ())
    (entry,) = post(InvoiceIssued(invoice=invoice))
    assert sum(posting.amount_micro for posting in entry.postings) == 0


def test_a_plan_without_a_fee_and_without_sessions_makes_no_invoice():
    assert Office(plan(rebates=(percent("10"),))).run() == ()


def test_a_month_that_is_wholly_included_makes_no_invoice_and_its_sessions_wait():
    office = Office(plan(included=included("20")))
    assert office.run(energy("10", 12)) == ()
    (invoice,) = office.run(energy("10", 12), energy("15", 13))
    assert invoice.total == Decimal("2.38")  # 5 of 25 kWh


def test_a_second_run_charges_no_second_fee():
    office = Office(FLEET)
    office.run(energy("30", 12))
    assert office.run() == ()
    (late,) = office.run(energy("10", 20))
    assert [one.gross for one in late.plan] == [Decimal("-0.47")]  # 24.28 to 4.28: 0.48, then 9.52 to 8.57 in all


def test_a_session_that_comes_late_leaves_the_sum_as_if_it_had_come_in_time():
    """The late one of the 12th takes included energy that the invoiced one of the 13th had."""
    late, on_time = energy("15", 12, price="0.60"), energy("25", 13)
    office = Office(FLEET)
    office.run(on_time)
    later = structs.replace(REQUEST, month="2026-11", issued_on=date(2026, 12, 2))
    (second,) = office.run(late, request=later)
    (at_once,) = Office(FLEET).run(late, on_time)
    assert sum(invoice.total for invoice in office.issued) == at_once.total
    assert [(str(one.before), str(one.gross)) for one in second.plan] == [("-9.52", "-3.57"), ("-0.24", "-0.71")]
    assert second.plan[0].line.gross == Decimal("-13.09")  # 15 kWh at 0.714, 5 at 0.476


@pytest.mark.parametrize("tamper", ["gross", "before"])
def test_the_gate_holds_what_plans_charge(tamper: str):
    (invoice,) = Office(FLEET).run(energy("30", 12))
    first = structs.replace(invoice.plan[0], **{tamper: Decimal("-1.00")})
    said = list(objections(structs.replace(invoice, plan=(first, *invoice.plan[1:]))))
    assert "a line of a plan is not what its month comes to less what was invoiced before" in said


def test_an_invoice_with_a_plan_comes_back_from_its_bytes_and_one_without_has_no_field_for_it():
    (invoice,) = Office(FLEET).run(energy("30", 12))
    issued = InvoiceIssued(invoice=invoice)
    assert decode(encode(issued)) == issued
    assert encode(decode(encode(issued))) == encode(issued)
    without = draw_up(REQUEST, [Billable(rated=energy("30", 12))], lambda _: CONTRACT, OPERATOR, 1, reason_of)
    assert b'"plan"' not in encode(without[0])


def text_of(invoice: Invoice) -> str:
    text = invoice_text(invoice, BUYER).replace("\N{NO-BREAK SPACE}", " ")
    return text[text.index("\nPlan" if invoice.language == "en" else "\nVertragsmodell") :][:900]


def test_the_text_of_an_invoice_says_from_what_terms_each_amount_follows():
    office = Office(FLEET)
    office.run(energy("25", 13))
    (late,) = office.run(energy("15", 12, price="0.60"))
    assert "Included energy" in text_of(office.issued[0])
    assert "Fleet 20: 20.000 kWh included" in text_of(office.issued[0])
    assert "Fleet 20: 10% of €2.38 that is left" in text_of(office.issued[0])
    assert "-€13.09 for the month, -€9.52 invoiced before" in " ".join(text_of(late).split())


def test_every_line_of_a_plan_has_words_in_german():
    every = plan(
        included=included("1"),
        rebates=(per_kwh("0.01"), per_session("0.10", basis=Basis.NET), percent("5")),
        day_cap=cap("9.00"),
        month_cap=cap("8.00", Basis.NET),
        fee=structs.replace(FEE, basis=Basis.NET),
    )
    (invoice,) = Office(every, "de").run(energy("30", 12))
    assert [one.reason.replace("\N{NO-BREAK SPACE}", " ") for one in invoice.plan] == [
        "p: 1,000 kWh inklusive",
        "p: 0,01 €/kWh mit USt.",
        "p: 0,10 € ohne USt.",
        "p: 5 % von verbleibenden 13,40 €",
        "p: höchstens 9,00 € mit USt., 12,73 € am 12.10.2026",
        "p: 9,99 € ohne USt.",
    ]
    assert "Tageshöchstbetrag" in text_of(invoice)


def test_a_contract_that_is_not_in_the_run_is_not_asked_for():
    asked = list[ContractId]()

    def month_of(contract: ContractId, *_: object) -> PlanMonth:
        asked.append(contract)
        return PlanMonth()

    draw_up(REQUEST, [], lambda _: CONTRACT, OPERATOR, 1, reason_of, Subscriptions((CONTRACT.id,), month_of))
    assert asked == [CONTRACT.id]
