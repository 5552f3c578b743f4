"""A contract with a plan over two months, with a session that comes after its month was invoiced: from frames to the books.

October   10 kWh included, 10 % off, 9.99 a month; a kWh costs 0.476 with VAT
  10 Oct  12 kWh  5.71   invoiced at once
   5 Oct   6 kWh  2.86   comes after that
November
   7 Nov  20 kWh  9.52
"""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from invoicing.invoice_text import invoice_text
from ledger.checks import check
from tests.first_light.homes import DATA, new_home
from vocabulary.billing import Invoice
from wattbook.audit import replay
from wattbook.documents import run_invoices
from wattbook.importing import import_files
from wattbook.wiring import App

PLANS = """
plans:
  - id: fleet-10
    name: {en: Fleet 10}
    valid_from: 2026-10-01
    monthly_fee: {amount: 9.99, tax_included: "YES", vat: 19}
    included: {kwh: 10}
    rebates:
      - {percent: 10}
"""
IN_OCTOBER = ("oct", "2026-10-10T08:00:00Z", 106_000, 118_000)
LATE = ("late", "2026-10-05T08:00:00Z", 100_000, 106_000)
IN_NOVEMBER = ("nov", "2026-11-07T08:00:00Z", 118_000, 138_000)


@pytest.fixture
def app(tmp_path: Path) -> App:
    text = (DATA / "reference" / "reference.yaml").read_text()
    text = text.replace("  - id: C-TEST\n", "  - id: C-TEST\n    plan: fleet-10\n")
    folder = tmp_path / "reference"
    folder.mkdir()
    (folder / "reference.yaml").write_text(text + PLANS)
    return new_home(tmp_path / "home", reference=folder)


def tell(app: App, folder: Path, *sessions: tuple[str, str, int, int]) -> None:
    """Transactions of one hour each, by their name, start, and registers at both ends in Wh."""
    capture = folder / f"{'-'.join(name for name, *_ in sessions)}.ndjson"
    capture.write_text("".join(line for session in sessions for line in _frames(*session)))
    import_files(app.runtime, [capture], 500)


def _frames(name: str, start: str, begin_wh: int, end_wh: int) -> list[str]:
    ends = (
        ("Started", start, begin_wh, "Transaction.Begin"),
        ("Ended", start.replace("T08", "T09"), end_wh, "Transaction.End"),
    )
    lines = []
    for seq, (kind, at, register, context) in enumerate(ends):
        payload = {
            "eventType": kind,
            "timestamp": at,
            "triggerReason": "Authorized",
            "seqNo": seq,
            "transactionInfo": {"transactionId": name},
            "evse": {"id": 1},
            "idToken": {"idToken": "04A1B2C3D4E5F6", "type": "ISO14443"},
            "meterValue": [{"timestamp": at, "sampledValue": [{"value": register, "context": context}]}],
        }
        frame = [2, f"{name}-{seq}", "TransactionEvent", payload]
        lines.append(json.dumps({"station": "CS201-01", "protocol": "ocpp2.0.1", "frame": frame}) + "\n")
    return lines


def bill(app: App, month: str) -> list[Invoice]:
    year, number = map(int, month.split("-"))
    issued = date(year + number // 12, number % 12 + 1, 2)
    return run_invoices(app, month, issued, datetime(issued.year, issued.month, 2, 8, tzinfo=UTC))


def charged(invoice: Invoice) -> list[str]:
    return [f"{one.line.first:%m} {one.line.benefit} {one.gross}" for one in invoice.plan]


def test_two_months_and_a_late_session(app: App, tmp_path: Path) -> None:
    tell(app, tmp_path, IN_OCTOBER)
    [october] = bill(app, "2026-10")
    assert charged(october) == ["10 included_energy -4.76", "10 rebate_percent -0.09", "10 fee 9.99"]
    assert october.total == Decimal("10.85")
    tell(app, tmp_path, LATE, IN_NOVEMBER)
    [november] = bill(app, "2026-11")
    assert charged(november) == [
        "10 rebate_percent -0.29",  # 8.57 less 4.76 is 3.81, 10 % off is 3.43: 0.38 in all, 0.09 before
        "11 included_energy -4.76",
        "11 rebate_percent -0.48",
        "11 fee 9.99",
    ]
    assert november.total == Decimal("16.84")
    text = " ".join(invoice_text(november, app.vault.open(november.buyer)).replace("\N{NO-BREAK SPACE}", " ").split())
    assert "Plan, October 2026 -0.29 Rebate 19% -0.29 Fleet 10: 10% of €3.81 that is left" in text
    assert "-€0.38 for the month, -€0.09 invoiced before" in text
    assert "Plan, November 2026 4.75 Included energy 10.000 kWh 19% -4.76 Fleet 10: 10.000 kWh included" in text
    with app.reading() as store:
        balances = {each.account: each.balance_micro for each in store.ledger.balances()}
        assert check(store.ledger) == ()
    assert balances["1100:C-TEST"] == 27_690_000
    assert balances["1105:contract:C-TEST"] == 0
    assert balances["4070:DE"] == -16_789_916  # 2 * 9.99 / 1.19
    assert balances["4080:DE"] == 8_722_688  # 10.38 / 1.19, each line to its millionth
    assert abs(balances["7100:invoice"]) < 20_000
    assert replay(app).difference is None


def test_a_late_session_comes_to_what_it_would_have_in_time(app: App, tmp_path: Path) -> None:
    tell(app, tmp_path, LATE, IN_OCTOBER)
    [at_once] = bill(app, "2026-10")
    assert at_once.total == Decimal("13.42")  # and above 10.85 in October, and 2.86 - 0.29 of November


def test_a_month_without_sessions_is_invoiced_for_its_fee_once(app: App) -> None:
    [only] = bill(app, "2026-10")
    assert (only.total, charged(only)) == (Decimal("9.99"), ["10 fee 9.99"])
    assert bill(app, "2026-10") == []


def test_before_the_plan_is_in_force_there_is_none(app: App, tmp_path: Path) -> None:
    tell(app, tmp_path, ("sept", "2026-09-10T08:00:00Z", 90_000, 100_000))
    [september] = bill(app, "2026-09")
    assert (september.total, september.plan) == (Decimal("4.76"), ())
