"""What a rating says that no invoice can bear, or that a person has to look at: a finding, never a crash."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from streams import bearable, rating
from streams.rating import conclude, running_cost
from tests.streams.material import catalogue, everything
from tests.streams.test_gate import session
from vocabulary.money import Currency
from vocabulary.rated import LimitPart, Owed, Rated, RatedLine, RatingNote
from vocabulary.sessions import Finding, SessionFlagged, SessionRated
from vocabulary.tariff import Dimension, Tax

AT = datetime(2026, 10, 5, 22, 30, tzinfo=UTC)
NINETEEN = Decimal(19)


def line(vat_percent: Decimal | None = NINETEEN, limit: LimitPart | None = None, taxes: tuple[Tax, ...] = ()) -> RatedLine:
    return RatedLine(
        dimension=Dimension.MIN_PRICE if limit else Dimension.ENERGY,
        element=0 if limit else 1,
        quantity=Decimal(1000),
        billed=Decimal(1000),
        unit_price=Decimal(1),
        vat_percent=vat_percent,
        since=AT,
        until=AT,
        reason="",
        taxes=taxes,
        limit=limit,
    )


def cost(*lines: RatedLine, notes: tuple[RatingNote, ...] = ()) -> Rated:
    owed = Owed(vat_percent=NINETEEN, net=Decimal("1.00"), vat=Decimal("0.19"), gross=Decimal("1.19"))
    rated = Rated(currency=Currency("EUR"), lines=lines or (line(),), owed=(owed,), total=Decimal("1.19"))
    return (
        Rated(**{name: getattr(rated, name) for name in ("currency", "lines", "owed", "total")}, notes=notes)
        if notes
        else rated
    )


def found(rated: Rated) -> Finding | None:
    doubt = bearable.blocks(rated, "tariff T")
    return doubt.finding if doubt else None


def test_one_vat_rate_a_line_is_what_an_invoice_is_made_for() -> None:
    assert found(cost(line(), line(Decimal(7)), line(None))) is None


@pytest.mark.parametrize("percents", [("5", "9.975"), ("19",)])
def test_taxes_that_are_not_a_vat_rate_cannot_stand_on_an_invoice(percents: tuple[str, ...]) -> None:
    taxes = tuple(Tax(name=f"tax {n}", percent=Decimal(percent)) for n, percent in enumerate(percents))
    doubt = bearable.blocks(cost(line(None, taxes=taxes)), "tariff T")
    assert doubt is not None and doubt.finding is Finding.TAXES_UNFIT
    assert doubt.detail == f"tariff T: ENERGY bears {', '.join(tax.name for tax in taxes)}"


@pytest.mark.parametrize(
    ("vat_percent", "net", "tax", "finding"),
    [
        pytest.param("19", "5", "95/100", None, id="the rate's own tax"),
        pytest.param("19", "84/100", "16/100", None, id="whole cents before and after taxes"),
        pytest.param("19", "5", "94/100", None, id="a cent less"),
        pytest.param("19", "5", "92/100", Finding.LIMIT_UNFIT, id="three cents less"),
        pytest.param("19", "0", "1", Finding.LIMIT_UNFIT, id="the limit after taxes alone was below"),
        pytest.param(None, "5", "0", None, id="no VAT, and no tax"),
        pytest.param(None, "5", "1/100", Finding.LIMIT_UNFIT, id="no VAT, and a tax"),
        pytest.param("0", "5", "1/100", Finding.LIMIT_UNFIT, id="0 percent, and a tax"),
    ],
)
def test_a_limit_bears_the_tax_of_its_rate(vat_percent: str | None, net: str, tax: str, finding: Finding | None) -> None:
    percent = None if vat_percent is None else Decimal(vat_percent)
    limited = line(percent, limit=LimitPart(net=net, tax=tax))
    assert found(cost(line(percent), limited)) is finding


def test_what_rating_could_not_know_blocks_or_holds() -> None:
    assert found(cost(notes=(RatingNote.TAX_UNKNOWN,))) is Finding.TAX_UNKNOWN
    holding = cost(notes=(RatingNote.PAYMENT_UNKNOWN, RatingNote.POWER_NOT_MEASURED))
    assert found(holding) is None
    told = [doubt.finding for doubt in bearable.doubts(holding, "tariff T")]
    assert told == [Finding.POWER_NOT_MEASURED, Finding.PAYMENT_UNKNOWN], "in order of precedence"


@pytest.mark.parametrize("note", RatingNote)
def test_every_note_is_a_finding_of_the_same_name(note: RatingNote) -> None:
    rated = cost(notes=(note,))
    doubts = [bearable.blocks(rated, ""), *bearable.doubts(rated, "")]
    assert [doubt.finding for doubt in doubts if doubt] == [Finding(note)]


# As it is concluded


def concluding(monkeypatch: pytest.MonkeyPatch, rated: Rated) -> None:
    monkeypatch.setattr(rating, "rate", lambda *_, **__: rated)


def test_a_session_whose_taxes_nobody_knows_is_flagged_and_has_no_running_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    concluding(monkeypatch, cost(notes=(RatingNote.TAX_UNKNOWN,)))
    last = conclude(session(), catalogue(*everything()))[-1]
    assert last == SessionFlagged(session=session().id, finding=Finding.TAX_UNKNOWN, detail="tariff day")
    assert running_cost(session(), catalogue(*everything())) is None


def test_a_session_whose_power_was_not_measured_is_held_until_somebody_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    concluding(monkeypatch, cost(notes=(RatingNote.POWER_NOT_MEASURED,)))
    flagged, rated = conclude(session(), catalogue(*everything()))[-2:]
    assert isinstance(flagged, SessionFlagged) and isinstance(rated, SessionRated)
    assert flagged.finding is rated.held is Finding.POWER_NOT_MEASURED
    looked = conclude(session(), catalogue(*everything()), waived={Finding.POWER_NOT_MEASURED})[-1]
    assert isinstance(looked, SessionRated) and looked.held is None
