"""The main job on real input: captured messages in, one invoice out, every amount recomputed by hand."""

from datetime import time
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from tests.first_light.homes import CAPTURES, ISSUED_AT, MONTH, imported
from vocabulary.billing import Invoice
from vocabulary.identity import TariffId
from vocabulary.money import Currency
from vocabulary.rated import RatedLine
from vocabulary.tariff import Dimension, PriceComponent, Restrictions, Tariff, TariffElement
from wattbook.documents import run_invoices, write_invoice
from wattbook.prices import price_note
from wattbook.wiring import App

# station: (energy in Wh, idle seconds, net of energy, net of idle, owed with 19 % VAT, rounded half up to cents)
BY_HAND = {
    ("CP16-01", "2026-03-02"): ("7550", 2880, "3.02", "4.80", "9.31"),  # 7.82 * 1.19 = 9.3058
    ("CS201-01", "2026-03-06"): ("11000", 1860, "4.40", "3.10", "8.93"),  # 7.50 * 1.19 = 8.925
    ("CS-BASIC-00001", "2026-11-21"): ("157", 0, "0.0628", "0", "0.07"),  # * 1.19 = 0.074732
    ("CS-BASIC-SIGNED-00001", "2026-11-21"): ("71", 0, "0.0284", "0", "0.03"),  # * 1.19 = 0.033796
    ("CS-KEBA-OCPP2-SIGNED-00001", "2026-11-21"): ("99.38", 0, "0.039752", "0", "0.05"),  # * 1.19 = 0.04730488
    ("CS-KEBA-OCPP2-SIGNED-00001", "2026-11-21/2"): ("66.92", 0, "0.026768", "0", "0.03"),  # * 1.19 = 0.03185392
}


@pytest.fixture
def app(tmp_path: Path) -> App:
    return imported(tmp_path / "home", CAPTURES)


@pytest.fixture
def invoice(app: App) -> Invoice:
    [invoice] = run_invoices(app, MONTH, ISSUED_AT.date(), ISSUED_AT)
    return invoice


def test_sessions_have_the_energies_that_their_frames_tell(app: App) -> None:
    with app.reading() as store:
        found = sorted((row.station, row.energy_wh) for row in store.states.find(""))
    assert found == sorted((station, Decimal(energy)) for (station, _), (energy, *_) in BY_HAND.items())


def test_every_session_is_owed_as_computed_by_hand(invoice: Invoice) -> None:
    owed = sorted((session.energy_wh, session.gross) for session in invoice.sessions)
    assert owed == sorted((Decimal(energy), Decimal(gross)) for energy, _, _, _, gross in BY_HAND.values())


def test_the_invoice_total_is_the_sum_of_what_each_session_owes(invoice: Invoice) -> None:
    assert invoice.total == Decimal("18.42") == sum(Decimal(gross) for *_, gross in BY_HAND.values())


def test_vat_is_contained_in_the_total_once_per_rate(invoice: Invoice) -> None:
    """18.42 / 1.19 = 15.4789..., rounded half up."""
    [vat] = invoice.vat
    assert (vat.vat_percent, vat.net, vat.vat, vat.gross) == (Decimal(19), Decimal("15.48"), Decimal("2.94"), Decimal("18.42"))


def test_idle_time_is_that_of_the_suspended_vehicle(invoice: Invoice) -> None:
    idle = {
        s.energy_wh: line.rated.billed for s in invoice.sessions for line in s.lines if line.rated.dimension == "PARKING_TIME"
    }
    assert idle == {Decimal(7550): Decimal(2880), Decimal(11000): Decimal(1860)}


def test_a_line_is_told_with_its_reason_in_the_readers_language() -> None:
    """By the tariff version that rated it; nothing is said where the price always applies."""
    night = PriceComponent(dimension=Dimension.ENERGY, price=Decimal("0.3277"))
    fee, day = (PriceComponent(dimension=dimension, price=Decimal(1)) for dimension in (Dimension.FLAT, Dimension.ENERGY))
    elements = (
        TariffElement(components=(night, fee), restrictions=Restrictions(start_time=time(22), min_energy_wh=Decimal(1500))),
        TariffElement(components=(day,)),
        TariffElement(components=(structs.replace(day, dimension=Dimension.TIME),)),
    )
    tariff = Tariff(id=TariffId("T"), currency=Currency("EUR"), elements=elements)

    def note(dimension: Dimension, element: int, tag: str, time_zone: str = "") -> str:
        quantity, at = Decimal(1), ISSUED_AT
        line = RatedLine(
            dimension=dimension, element=element, quantity=quantity, billed=quantity, unit_price=quantity,
            since=at, until=at, reason="",
        )  # fmt: skip
        return price_note(line, tariff, tag, time_zone)

    assert note(Dimension.ENERGY, 1, "en") == "22:00-24:00, from 1.5 kWh"
    assert note(Dimension.FLAT, 1, "de-AT", "Europe/Vienna") == "22:00-24:00 Uhr Europe/Vienna, ab 1,5 kWh"
    assert [note(Dimension.ENERGY, 2, tag) for tag in ("de", "fr")] == ["zu allen anderen Zeiten", "at all other times"]
    assert note(Dimension.TIME, 3, "en") == ""


def test_the_books_hold_what_the_invoice_demands(app: App, invoice: Invoice) -> None:
    """Receivable and VAT as on the document; nothing unbilled is left; the rounding of six sessions is posted."""
    with app.reading() as store:
        balances = {balance.account: balance.balance_micro for balance in store.ledger.balances()}
    assert balances["1100:C-TEST"] == 18_420_000
    assert balances["2200:DE:19"] == -2_940_000
    assert balances["1105:contract:C-TEST"] == balances["2210:DE:19"] == 0
    assert balances["4010:DE"] == -7_577_720  # 18 944.30 Wh at 0.40 per kWh
    assert balances["4040:DE"] == -7_900_000  # 4740 s at 6.00 per hour
    assert sum(balances.values()) == 0


def test_a_second_run_issues_nothing(app: App, invoice: Invoice) -> None:
    later = ISSUED_AT.replace(hour=9)
    assert run_invoices(app, MONTH, later.date(), later) == []


def test_the_pdf_and_the_json_are_written_and_repeatable(app: App, invoice: Invoice, tmp_path: Path) -> None:
    first, second = (write_invoice(app, invoice, tmp_path / name) for name in ("first", "second"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert first[0].read_bytes().startswith(b"%PDF-")
