"""Any session under any tariff of any dialect: it is flagged, or its lines sum up, its invoice is sound, the books balance."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec import structs

from invoicing.amounts import charges
from invoicing.draw_up import Billable, draw_up
from invoicing.invoice_text import invoice_text
from invoicing.limits import limit_note
from invoicing.localise import language
from ledger.post import post
from streams import bearable
from tariffs.rate import rate
from tests.invoicing.material import BUYER, CONTRACT, OPERATOR
from tests.tariffs.dialect_strategies import ANY
from tests.tariffs.strategies import sessions
from vocabulary.billing import InvoiceIssued, InvoiceRunRequested
from vocabulary.circumstances import Circumstances, Reserved, Sample
from vocabulary.codec import version_hash
from vocabulary.identity import ContractId, SessionId, TariffId, TokenUid, VersionHash, content_id
from vocabulary.rated import RatedLine, exact_net, exact_vat
from vocabulary.sessions import ChargingSession, SessionRated, VatDecision
from vocabulary.tariff import Dimension, Restrictions, Tariff, TariffElement

RUN = InvoiceRunRequested(month="2029-12", issued_on=date(2029, 12, 31), requested_at=datetime(2029, 12, 31, tzinfo=UTC))


@st.composite
def circumstances(draw: st.DrawFn, session: ChargingSession) -> Circumstances:
    """Its power, and a reservation of half an hour before it, where there was one."""
    power = draw(st.lists(st.sampled_from([Decimal(0), Decimal(7400), Decimal(50_000)]), max_size=3))
    before = Reserved(start=session.start - timedelta(minutes=30), end=session.start)
    return Circumstances(
        power_w=tuple(Sample(at=session.start + n * timedelta(minutes=5), value=value) for n, value in enumerate(power)),
        reserved=draw(st.sampled_from([None, before])),
    )


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    """Mostly ones that an invoice can bear, and of which something applies."""
    tariff = draw(ANY).tariff
    if draw(st.booleans()):
        return tariff
    elements = []
    for element in tariff.elements:
        prices = tuple(
            structs.replace(part, taxes=(), vat_percent=part.vat_percent or draw(st.sampled_from([Decimal(19), Decimal(7)])))
            for part in element.components
        )
        restrictions = element.restrictions if draw(st.booleans()) else Restrictions()
        elements.append(TariffElement(components=prices, restrictions=restrictions))
    return structs.replace(tariff, elements=tuple(elements))


@st.composite
def rated_sessions(draw: st.DrawFn, number: int) -> tuple[SessionRated, Tariff]:
    session, tariff = draw(sessions()), draw(tariffs())
    cost = rate(session, tariff, "Europe/Berlin", known=draw(circumstances(session)))
    return SessionRated(
        session=SessionId(content_id("session", str(number))),
        station=session.station,
        site="kai",
        site_name="Kai",
        evse_id="DE*ELB*E0007*2",
        start=session.start,
        end=session.end,
        ended_on=session.end.date(),
        time_zone="Europe/Berlin",
        energy_wh=session.energy_wh,
        begin_wh=session.energy_wh,
        end_wh=session.energy_wh * 2,
        contract=ContractId("C-1"),
        token=TokenUid("T"),
        tariff=TariffId(tariff.id),
        tariff_version=version_hash(tariff),
        rated=cost,
        vat=VatDecision(rule="place-of-consumption", country="DE"),
    ), tariff


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_whatever_is_not_flagged_sums_up_and_balances(data: st.DataObject) -> None:
    drawn = [data.draw(rated_sessions(number)) for number in range(data.draw(st.integers(1, 4)))]
    billed = [(one, tariff) for one, tariff in drawn if bearable.blocks(one.rated, "") is None]
    versions = {version_hash(tariff): tariff for _, tariff in billed}
    event(f"{len(billed)} of {len(drawn)} can be billed")
    for one, _ in billed:
        _demand_sums(one)
    posted = [entry for one, _ in billed for entry in post(one)]

    def reason_of(line: RatedLine, version: VersionHash, tag: str, time_zone: str) -> str:
        if line.limit is None:
            return ""
        limits = {Dimension.MIN_PRICE: versions[version].min_price, Dimension.MAX_PRICE: versions[version].max_price}
        limit = limits[line.dimension]
        assert limit is not None
        return limit_note(limit, line.dimension, versions[version].currency, language(tag))

    billables = [Billable(rated=one) for one, _ in billed]
    for found in draw_up(RUN, billables, lambda name: structs.replace(CONTRACT, id=name), OPERATOR, 1, reason_of):
        assert sum(session.gross for session in found.sessions) == found.total
        assert invoice_text(found, BUYER)
        posted += post(InvoiceIssued(invoice=found))
    assert all(sum(posting.amount_micro for posting in entry.postings) == 0 for entry in posted)


def _demand_sums(one: SessionRated) -> None:
    """By tax: the lines' charges are what is owed, to the minor unit, and none is two of them away from what it exactly is."""
    found = charges(one.rated)
    for owed in one.rated.owed:
        places = [n for n, line in enumerate(one.rated.lines) if line.vat_percent == owed.vat_percent]
        assert sum(found[n].gross for n in places) == owed.gross
        assert sum(found[n].net for n in places) == owed.net
    for line, charge in zip(one.rated.lines, found, strict=True):
        assert abs(Fraction(charge.gross) - exact_net(line) - exact_vat(line)) < Fraction(2, 100)
