"""What those who doubted the product found: each a case that failed before it was mended."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from ledger.checks import check
from streams.log import INPUTS
from tests.first_light.homes import CAPTURES, DATA, ISSUED_AT, MONTH, imported, new_home
from vocabulary.charging import Protocol, RawMessage
from vocabulary.identity import StationId
from wattbook.audit import digests, replay
from wattbook.cli import cli
from wattbook.desk import Desk
from wattbook.documents import run_invoices
from wattbook.importing import import_files
from wattbook.reference_files import ReferenceErrors
from wattbook.vault import VaultUnusable
from wattbook.wiring import App


def _edited(folder: Path, *changes: tuple[str, str]) -> Path:
    """The reference data of the tests, with changes."""
    folder.mkdir()
    text = (DATA / "reference" / "reference.yaml").read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (folder / "reference.yaml").write_text(text)
    return folder


@pytest.mark.parametrize(
    "component",
    ["price: 0.40, vat: 19.1234567", "price: 999999999999, vat: 19", "price: 0.1234567891, vat: 19"],
    ids=["VAT that the ledger cannot name", "a price that the ledger cannot hold", "more decimals than a price has"],
)
def test_a_tariff_that_could_not_be_booked_is_refused_before_it_is_published(component: str, tmp_path: Path) -> None:
    with pytest.raises(ReferenceErrors, match=r"reference\.yaml:\d+:\d+: tariffs"):
        new_home(tmp_path / "home", reference=_edited(tmp_path / "bad", ("price: 0.40, vat: 19", component)))


def test_a_duration_beyond_the_calendar_stops_nothing(tmp_path: Path) -> None:
    wide = "          - {type: PARKING_TIME, price: 6.00, vat: 19}\n        restrictions: {max_duration: 999999999}\n"
    reference = _edited(tmp_path / "wide", ("          - {type: PARKING_TIME, price: 6.00, vat: 19}\n", wide))
    app = new_home(tmp_path / "home", reference=reference)
    capture = tmp_path / "far.ndjson"
    capture.write_text("".join(_transaction("far", "9990-01-01T08:00:00Z", "9990-01-01T09:00:00Z")))
    import_files(app.runtime, [capture], 500)
    with app.reading() as store:
        assert [row.total for row in store.states.find("")] == [Decimal("2.38")]  # 5 kWh * 0.40 * 1.19


def test_a_session_over_half_a_century_goes_to_the_worklist_at_once(tmp_path: Path) -> None:
    app = new_home(tmp_path / "home")
    capture = tmp_path / "long.ndjson"
    capture.write_text("".join(_transaction("long", "1970-01-02T00:00:00Z", "2026-11-01T00:00:00Z")))
    import_files(app.runtime, [capture], 500)
    with app.reading() as store:
        assert [row.finding for row in store.states.flagged()] == ["session_lasts_longer_than_30_days"]


def _transaction(name: str, start: str, end: str) -> list[str]:
    """A 2.0.1 transaction of two messages, as lines of a capture that did not record when they arrived."""
    lines = []
    for seq, (kind, at, register, context) in enumerate(
        (("Started", start, 1000, "Transaction.Begin"), ("Ended", end, 6000, "Transaction.End"))
    ):
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
        lines.append(json.dumps({"station": "CS201-01", "protocol": "ocpp2.0.1", "frame": frame}))
    return [line + "\n" for line in lines]


def test_a_contract_that_begins_on_the_day_of_issue_is_invoiced_on_that_day(tmp_path: Path) -> None:
    dated = ("  - id: C-TEST\n", '  - id: C-TEST\n    valid_from: "2026-12-01T06:00:00Z"\n')
    app = new_home(tmp_path / "home", reference=_edited(tmp_path / "dated", dated))
    capture = tmp_path / "first.ndjson"
    capture.write_text("".join(_transaction("first", "2026-12-01T06:10:00Z", "2026-12-01T07:00:00Z")))
    import_files(app.runtime, [capture], 500)
    [invoice] = run_invoices(app, "2026-12", date(2026, 12, 1), datetime(2026, 12, 1, 8, tzinfo=UTC))
    assert invoice.total == Decimal("2.38")


def test_what_was_stored_offline_has_no_cost_by_the_servers_clock(tmp_path: Path) -> None:
    """A month-old session would else be told a month of idle time."""
    app = new_home(tmp_path / "home")
    desk, now = Desk(app, lambda *_, **__: None), datetime(2026, 11, 20, 8, tzinfo=UTC)
    began = now - timedelta(days=20)
    desk.handle([_event(now, began, 0, "Charging", 1000), _event(now, began + timedelta(hours=1), 1, "SuspendedEV", 6000)])
    assert desk.running_costs(now, [StationId("CS201-01")]) == []


def test_a_live_session_is_told_its_idle_time_as_the_clock_runs(tmp_path: Path) -> None:
    app = new_home(tmp_path / "home")
    desk, now = Desk(app, lambda *_, **__: None), datetime(2026, 11, 20, 8, tzinfo=UTC)
    began = now - timedelta(hours=2)
    desk.handle([_event(now, began, 0, "Charging", 1000), _event(now, began + timedelta(hours=1), 1, "SuspendedEV", 6000)])
    [update] = desk.running_costs(now, [StationId("CS201-01")])
    assert json.loads(update.frame, parse_float=Decimal)[3]["totalCost"] == Decimal("9.52")  # (2.00 + 6.00) * 1.19


def _event(now: datetime, at: datetime, seq: int, state: str, register: int) -> RawMessage:
    payload: dict[str, Any] = {
        "eventType": "Updated" if seq else "Started",
        "timestamp": at.isoformat(),
        "triggerReason": "ChargingStateChanged",
        "seqNo": seq,
        "transactionInfo": {"transactionId": "tx", "chargingState": state},
        "evse": {"id": 1},
        "idToken": {"idToken": "04A1B2C3D4E5F6", "type": "ISO14443"},
        "meterValue": [{"timestamp": at.isoformat(), "sampledValue": [{"value": register}]}],
    }
    frame = json.dumps([2, str(seq), "TransactionEvent", payload])
    return RawMessage(station=StationId("CS201-01"), frame=frame, protocol=Protocol.OCPP201, received_at=now)


def test_an_invoice_that_cannot_be_rendered_keeps_no_other_from_being_written(tmp_path: Path) -> None:
    two = ("tokens: [04A1B2C3D4E5F6, UNDEFINED, BB2TBR09]", "tokens: [04A1B2C3D4E5F6]")
    app = new_home(tmp_path / "home", reference=_edited(tmp_path / "two", two))
    path = tmp_path / "home" / "reference" / "reference.yaml"
    path.write_text(
        path.read_text()
        + """  - id: A-RUNES
    tokens: [UNDEFINED, BB2TBR09]
    holder:
      name: "\U0001f680"
      address: {street: 1 Road, postal_code: "1", city: Berlin, country: DE}
"""
    )
    app.publish_reference()
    import_files(app.runtime, CAPTURES, 500)
    app.close()
    words = ["--home", str(tmp_path / "home"), "invoice", "run", "--month", MONTH, "--issued-on", "2026-11-21", "--json"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 1
    assert "is issued, but not written" in done.stderr
    assert [(each["contract"], each["pdf"] is None) for each in json.loads(done.stdout)] == [
        ("A-RUNES", True),
        ("C-TEST", False),
    ]


def test_a_vault_that_lost_its_keys_is_not_filled_anew(tmp_path: Path) -> None:
    app = new_home(tmp_path / "home")
    (tmp_path / "home" / "vault.json").write_text('{"vault":1,"keys":{},"forgotten":[]}')
    with pytest.raises(VaultUnusable, match="C-TEST"):
        app.publish_reference()


def test_digests_of_two_homes_agree_though_each_seals_holders_with_its_own_key(tmp_path: Path) -> None:
    found = []
    for name in ("one", "other"):
        app = imported(tmp_path / name, CAPTURES)
        run_invoices(app, MONTH, ISSUED_AT.date(), ISSUED_AT)
        with app.reading() as store:
            found.append(digests(store))
    assert found[0] == found[1]


def test_an_edit_that_is_wrong_in_several_places_is_told_line_by_line(tmp_path: Path) -> None:
    new_home(tmp_path / "home").close()
    path = tmp_path / "home" / "reference" / "reference.yaml"
    path.write_text(path.read_text().replace("price: 0.40, vat", "price: 0.40, vta").replace("city: Berlin", "cty: Berlin"))
    with pytest.raises(ReferenceErrors) as refused:
        CliRunner().invoke(cli, ["--home", str(tmp_path / "home"), "reference", "publish"], catch_exceptions=False)
    assert len(str(refused.value).splitlines()) >= 2


@pytest.mark.parametrize("seed", range(8))
def test_no_mutation_of_a_frame_stops_the_steps(seed: int, tmp_path: Path) -> None:
    """Values, times and fields at random: nothing raises, the books hold together, everything is somewhere, and replays."""
    random = Random(seed)
    lines = [
        json.loads(line) for path in sorted((DATA / "ocpp").glob("ocpp*.ndjson")) for line in path.read_text().splitlines()
    ]
    capture = tmp_path / "mutated.ndjson"
    capture.write_text("".join(json.dumps(_mutated(line, random)) + "\n" for line in lines))
    app = new_home(tmp_path / "home", reference=_knowing_all(tmp_path / "all", lines))
    summary = import_files(app.runtime, [capture], 50)
    run_invoices(app, MONTH, ISSUED_AT.date(), ISSUED_AT)
    assert summary.messages == len(lines)
    assert replay(app).difference is None, f"seed {seed}"
    _nothing_is_lost(app, seed)


_ODD = (
    0,
    -1,
    "",
    None,
    "NaN",
    "1e999999",
    "2026-13-45T99:99:99Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    10**18,
    [],
    {},
)


def _mutated(value: Any, random: Random, depth: int = 0) -> Any:
    """A copy in which one leaf in forty of a frame's payload is something else."""
    if isinstance(value, dict):
        whole = depth == 0  # a line's own fields stay, and of them only the frame is changed
        kept = {name: one for name, one in value.items() if whole or random.random() > 0.005}
        return {n: one if whole and n != "frame" else _mutated(one, random, depth + 1) for n, one in kept.items()}
    if isinstance(value, list):
        return [item if depth == 1 and place < 3 else _mutated(item, random, depth + 1) for place, item in enumerate(value)]
    return random.choice(_ODD) if depth > 2 and random.random() < 0.025 else value


def _knowing_all(folder: Path, lines: list[dict[str, Any]]) -> Path:
    """Reference data in which every station of the lines has two EVSEs and the contract's tokens are theirs."""
    stations = sorted({line["station"] for line in lines})
    head, _, tail = (DATA / "reference" / "reference.yaml").read_text().partition("      - {evse_id: DE*TST*E01*1")
    evses = "".join(
        f"      - {{evse_id: DE*TST*E{number:03}*{evse}, station: {station}, number: {evse}, "
        "tariff: by-hand, power_w_max: 350000}\n"
        for number, station in enumerate(stations)
        for evse in (1, 2)
    )
    folder.mkdir()
    (folder / "reference.yaml").write_text(head + evses + "\ncontracts:" + tail.partition("contracts:")[2])
    return folder


def _nothing_is_lost(app: App, seed: int) -> None:
    with app.reading() as store:
        assert check(store.ledger) == (), f"seed {seed}"
        assert all(
            row.finding or row.progress in ("open", "ended", "rated", "invoiced", "merged", "empty")
            for row in store.states.find("")
        )
        assert store.states.position("steps") == max(store.log.head(stream).position for stream in INPUTS)


def test_a_start_that_is_retried_with_its_register_spelled_otherwise_is_the_same_start(tmp_path: Path) -> None:
    app = new_home(tmp_path / "home")
    start = '{"connectorId":1,"idTag":"04A1B2C3D4E5F6","meterStart":METER,"timestamp":"2026-11-20T08:00:00Z"}'
    starts = [f'CP16-01 [2,"{n}","StartTransaction",{start.replace("METER", n)}]\n' for n in ("1000", "1000.0", "1e3")]
    capture = tmp_path / "retries.txt"
    capture.write_text("".join(starts))
    import_files(app.runtime, [capture], 500)
    with app.reading() as store:
        assert len(store.states.find("")) == 1


def test_a_price_that_is_changed_in_place_is_warned_of(tmp_path: Path) -> None:
    new_home(tmp_path / "home").close()
    path = tmp_path / "home" / "reference" / "reference.yaml"
    path.write_text(path.read_text().replace("price: 0.40", "price: 0.50"))
    done = CliRunner().invoke(cli, ["--home", str(tmp_path / "home"), "reference", "publish", "--json"])
    assert json.loads(done.stdout) == {"facts": 4, "new": 1, "repriced": ["tariff:by-hand"], "rules_before": None}
    assert "warning tariff:by-hand has another price for a time that is over" in done.stderr
