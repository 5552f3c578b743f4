"""Vehicles that feed energy back, in three OCPP versions, from frames to the invoice and the books; all amounts by hand.

0.40 a kWh net; paid for a kWh that is fed back 0.50 from 17:00 to 21:00, else 0.25; VAT 19 %. Times are those of Berlin.

                    delivered          fed back                                 net      gross
    10 Oct   2.0.1   4 kWh   1.60      2 kWh before 17:00, 6 kWh after   3.50   -1.90    -2.261
    12 Oct   1.6    20 kWh   8.00      4 kWh in the morning              1.00    7.00     8.33
    14 Oct   2.1     6 kWh   2.40      1.5 kWh in the morning            0.375   2.025    2.40975
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from invoicing.invoice_json import invoice_json
from invoicing.invoice_text import invoice_text
from ledger.checks import check
from streams.log import Stream
from tests.first_light.homes import DATA, new_home
from vocabulary.billing import Invoice, InvoiceIssued
from vocabulary.codec import decode
from vocabulary.identity import Position
from vocabulary.sessions import Finding, SessionClosed, SessionFlagged, SessionRated, exported_wh
from wattbook.audit import replay
from wattbook.documents import run_invoices
from wattbook.importing import import_files
from wattbook.wiring import App

TARIFF = """          - {type: ENERGY, price: 0.40, vat: 19}
          - {type: ENERGY_EXPORT, price: 0.25, vat: 19}
      - price_components:
          - {type: PARKING_TIME, price: 6.00, vat: 19}
"""
EVENING = """      - price_components: [{type: ENERGY_EXPORT, price: 0.50, vat: 19}]
        restrictions: {start_time: "17:00", end_time: "21:00"}
"""
IMPORT, EXPORT = "Energy.Active.Import.Register", "Energy.Active.Export.Register"
TOKEN = {"idToken": "04A1B2C3D4E5F6", "type": "ISO14443"}


@pytest.fixture
def app(tmp_path: Path) -> App:
    return new_home(tmp_path / "home", reference=reference(tmp_path / "reference"))


def reference(folder: Path, language: str = "en") -> Path:
    text = (DATA / "reference" / "reference.yaml").read_text().replace("language: en", f"language: {language}")
    before, after = text.split("    elements:\n", 1)
    _, rest = after.split("sites:", 1)
    folder.mkdir()
    (folder / "reference.yaml").write_text(f"{before}    elements:\n{EVENING}      - price_components:\n{TARIFF}\nsites:{rest}")
    return folder


def tell(app: App, folder: Path, name: str, frames: list[tuple[str, str, str, list[Any]]]) -> None:
    """Frames with their arrival, station and protocol."""
    capture = folder / f"{name}.ndjson"
    lines = (
        {
            "at": at,
            "station": station,
            "protocol": protocol,
            "frame": frame,
            "direction": "station->csms" if frame[0] == 2 else "csms->station",
        }
        for at, station, protocol, frame in frames
    )
    capture.write_text("".join(json.dumps(line) + "\n" for line in lines))
    import_files(app.runtime, [capture], 500)


def sampled(at: str, delivered: str, fed: str | None, context: str, **unit: Any) -> list[dict[str, Any]]:
    values = [{"value": delivered, "context": context, "measurand": IMPORT, **unit}]
    values += [] if fed is None else [{"value": fed, "context": context, "measurand": EXPORT, **unit}]
    return [{"timestamp": at, "sampledValue": values}]


def transaction(name: str, protocol: str, *told: tuple[str, str, str | None], **unit: Any) -> Iterator[tuple[Any, ...]]:
    """2.x: one message for each time, with both registers."""
    for seq, (at, delivered, fed) in enumerate(told):
        kind = "Started" if seq == 0 else "Ended" if seq == len(told) - 1 else "Updated"
        context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(kind, "Sample.Periodic")
        values = sampled(at, delivered, fed, context, **unit)
        if protocol != "ocpp1.6":
            for value in values[0]["sampledValue"]:
                value["value"] = float(value["value"])
        payload = {
            "eventType": kind,
            "timestamp": at,
            "triggerReason": "Authorized",
            "seqNo": seq,
            "transactionInfo": {"transactionId": name},
            "evse": {"id": 1},
            "idToken": TOKEN,
            "meterValue": values,
        }
        yield at, "CS201-01", protocol, [2, f"{name}-{seq}", "TransactionEvent", payload]


EVENING_AND_BACK = [
    *transaction(
        "evening",
        "ocpp2.0.1",
        ("2026-10-10T14:00:00Z", "100000", "50000"),
        ("2026-10-10T15:00:00Z", "104000", "52000"),
        ("2026-10-10T16:00:00Z", "104000", "58000"),
    )
]
IN_KWH = {"unitOfMeasure": {"unit": "kWh"}}
OF_2_1 = [
    *transaction(
        "morning",
        "ocpp2.1",
        ("2026-10-14T07:00:00Z", "104", "58"),
        ("2026-10-14T08:00:00Z", "110", "59.5"),
        **IN_KWH,
    )
]
BEGIN, END = "2026-10-12T08:00:00Z", "2026-10-12T10:00:00Z"
OF_1_6 = [
    (
        BEGIN,
        "CP16-01",
        "ocpp1.6",
        [2, "s", "StartTransaction", {"connectorId": 1, "idTag": TOKEN["idToken"], "meterStart": 200_000, "timestamp": BEGIN}],
    ),
    (BEGIN, "CP16-01", "ocpp1.6", [3, "s", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}]),
    (
        BEGIN,
        "CP16-01",
        "ocpp1.6",
        [
            2,
            "m",
            "MeterValues",
            {"connectorId": 1, "transactionId": 7, "meterValue": sampled(BEGIN, "200000", "10000", "Sample.Periodic")},
        ],
    ),
    (
        END,
        "CP16-01",
        "ocpp1.6",
        [
            2,
            "e",
            "StopTransaction",
            {
                "transactionId": 7,
                "meterStop": 220_000,
                "timestamp": END,
                "transactionData": sampled(END, "220000", "14000", "Transaction.End"),
            },
        ],
    ),
]


def bill(app: App) -> list[Invoice]:
    return run_invoices(app, "2026-10", date(2026, 11, 2), datetime(2026, 11, 2, 8, tzinfo=UTC))


def conclusions(app: App, kind: type[Any]) -> list[Any]:
    with app.reading() as store:
        records = store.log.read([Stream.CONCLUSIONS], Position(0), 10_000)
        return [told for record in records if isinstance(told := decode(record.body), kind)]


def test_what_three_versions_feed_back_is_taken_off_one_invoice(app: App, tmp_path: Path) -> None:
    tell(app, tmp_path, "three", EVENING_AND_BACK + OF_1_6 + OF_2_1)
    assert [exported_wh(closed.session) for closed in conclusions(app, SessionClosed)] == [8000, 4000, 1500]
    totals = [rated.rated.total for rated in conclusions(app, SessionRated)]
    assert totals == [Decimal("-2.26"), Decimal("8.33"), Decimal("2.41")]
    [invoice] = bill(app)
    assert (invoice.net, invoice.tax, invoice.total) == (Decimal("7.13"), Decimal("1.35"), Decimal("8.48"))
    text = " ".join(invoice_text(invoice, app.vault.open(invoice.buyer)).replace("\N{NO-BREAK SPACE}", " ").split())
    assert "Energy fed back -6.000 kWh €0.50/kWh 19% -3.57" in text
    assert "Energy fed back -4.000 kWh €0.25/kWh 19% -1.19" in text
    assert "50.000 – 58.000 kWh fed back, as told" in text
    assert json.loads(invoice_json(invoice, app.vault.open(invoice.buyer)))  # which the gate has passed
    with app.reading() as store:
        balances = {each.account: each.balance_micro for each in store.ledger.balances()}
        assert check(store.ledger) == ()
    assert balances["1100:C-TEST"] == 8_480_000
    assert balances["1105:contract:C-TEST"] == 0
    assert balances["4010:DE"] == -12_000_000
    assert balances["5010:DE"] == 4_875_000  # 3.50 + 1.00 + 0.375
    assert balances["2210:DE:19"] == 0
    assert balances["2200:DE:19"] == -1_350_000
    assert balances["7100:invoice"] == 8_480_000 * -1 + 12_000_000 - 4_875_000 + 1_350_000
    assert sum(balances.values()) == 0
    assert replay(app).difference is None


def test_a_credit_that_nothing_outweighs_waits_for_an_invoice_and_is_told(app: App, tmp_path: Path) -> None:
    tell(app, tmp_path, "evening", EVENING_AND_BACK)
    assert bill(app) == []
    [waiting] = [told for told in conclusions(app, SessionFlagged) if told.finding is Finding.CREDIT_WAITS]
    assert waiting.detail.startswith("2.26 EUR owed to contract C-TEST in all")
    tell(app, tmp_path, "more", OF_1_6)
    [invoice] = run_invoices(app, "2026-10", date(2026, 11, 3), datetime(2026, 11, 3, 8, tzinfo=UTC))
    assert invoice.total == Decimal("6.07")  # 8.33 less 2.26
    assert len(conclusions(app, InvoiceIssued)) == 1
    assert replay(app).difference is None


def test_an_export_register_that_is_told_once_is_not_taken_for_nothing(app: App, tmp_path: Path) -> None:
    once = [
        *transaction("once", "ocpp2.0.1", ("2026-10-10T14:00:00Z", "100000", "50000"), ("2026-10-10T15:00:00Z", "104000", None))
    ]
    tell(app, tmp_path, "once", once)
    [rated] = conclusions(app, SessionRated)
    assert (rated.held, rated.exported, rated.rated.total) == (Finding.EXPORT_UNKNOWN, None, Decimal("1.90"))
    with app.reading() as store:
        balances = {each.account: each.balance_micro for each in store.ledger.balances()}
    assert balances["2500:what_was_fed_back_is_not_known"] == -1_904_000
    assert bill(app) == []


def test_an_export_register_that_falls_is_held_as_well(app: App, tmp_path: Path) -> None:
    falls = transaction(
        "falls",
        "ocpp2.0.1",
        ("2026-10-10T14:00:00Z", "100000", "50000"),
        ("2026-10-10T14:30:00Z", "102000", "58000"),
        ("2026-10-10T15:00:00Z", "104000", "52000"),
    )
    tell(app, tmp_path, "falls", [*falls])
    [rated] = conclusions(app, SessionRated)
    assert (rated.held, rated.exported) == (Finding.EXPORT_UNKNOWN, None)


def test_a_vehicle_cannot_feed_back_more_than_its_evse_can_take(app: App, tmp_path: Path) -> None:
    most = transaction(
        "most", "ocpp2.0.1", ("2026-10-10T14:00:00Z", "100000", "50000"), ("2026-10-10T15:00:00Z", "100000", "80000")
    )
    tell(app, tmp_path, "most", [*most])
    [told] = [each for each in conclusions(app, SessionFlagged) if each.finding is Finding.ENERGY_IMPLAUSIBLE]
    assert told.detail == "fed back: 30000.0 Wh, at most 24603 Wh fit"
    assert conclusions(app, SessionRated) == []


def test_a_register_that_stands_still_feeds_nothing_back(app: App, tmp_path: Path) -> None:
    for at, begin, end, fed in (("2026-10-14", "100000", "104000", "0"), ("2026-10-15", "104000", "106000", "50000")):
        told = transaction(at, "ocpp2.0.1", (f"{at}T14:00:00Z", begin, fed), (f"{at}T15:00:00Z", end, fed))
        tell(app, tmp_path, at, [*told])
    assert [rated.held for rated in conclusions(app, SessionRated)] == [None, None]
    assert [rated.exported for rated in conclusions(app, SessionRated)] == [None, None]


def test_a_credit_that_a_plan_leaves_nothing_to_take_off_is_told_by_each_run(tmp_path: Path) -> None:
    """All energy is included, so a document would be below zero, though what the sessions cost is not."""
    folder = reference(tmp_path / "reference")
    written = folder / "reference.yaml"
    plan = "plans:\n  - {id: flat, name: {en: Flat}, valid_from: 2026-10-01, included: {kwh: 90}}\n"
    written.write_text(written.read_text().replace("  - id: C-TEST\n", "  - id: C-TEST\n    plan: flat\n") + plan)
    app = new_home(tmp_path / "home", reference=folder)
    tell(app, tmp_path, "october", EVENING_AND_BACK + OF_1_6)
    issued = run_invoices(app, "2026-10", date(2026, 11, 2), datetime(2026, 11, 2, 8, tzinfo=UTC))
    waiting = [told for told in conclusions(app, SessionFlagged) if told.finding is Finding.CREDIT_WAITS]
    settled = {session.session for invoice in issued for session in invoice.sessions}
    charged = {rated.session for rated in conclusions(app, SessionRated)}
    assert settled | {told.session for told in waiting} == charged, "each is on an invoice, or told to wait"
    assert all("whose plan leaves nothing" in told.detail for told in waiting)
    assert waiting
