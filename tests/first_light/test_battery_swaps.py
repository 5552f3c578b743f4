"""Swaps of batteries (OCPP 2.1 part 2, S), from BatterySwap frames to the invoice and the books; all amounts by hand.

3.50 a set, 0.60 a kWh, and 0.25 paid for a kWh that comes in; net, VAT 19 %. Batteries of 6 kWh.

    request 1    40 and 30 % in, 95 and 90 % out    115 % of 6 kWh = 6.9 kWh    4.14 + 3.50 = 7.64 net    9.0916
    request 2    80 % in, 60 % out                  1.2 kWh the other way       3.50 - 0.30 = 3.20 net    3.808
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from invoicing.invoice_text import invoice_text
from ledger.checks import check
from streams.log import Stream
from tests.first_light.homes import DATA, new_home
from tests.first_light.test_feeding_back import bill, conclusions, tell
from vocabulary.charging import MessageRejected
from vocabulary.codec import decode
from vocabulary.identity import Position
from vocabulary.sessions import Finding, SessionClosed, SessionFlagged, SessionRated
from vocabulary.station_facts import BatterySwapped
from wattbook.audit import replay
from wattbook.ticking import tick
from wattbook.wiring import App

STATION = "CS201-01"
TARIFF = """          - {type: SWAP, price: 3.50, vat: 19}
          - {type: ENERGY, price: 0.60, vat: 19}
          - {type: ENERGY_EXPORT, price: 0.25, vat: 19}
          - {type: TIME, price: 60, vat: 19}

"""


@pytest.fixture
def app(tmp_path: Path) -> App:
    return new_home(tmp_path / "home", reference=reference(tmp_path / "reference", "battery_capacity_wh: 6000"))


def reference(folder: Path, capacity: str) -> Path:
    text = (DATA / "reference" / "reference.yaml").read_text()
    before, after = text.split("      - price_components:\n", 1)
    _, rest = after.split("sites:", 1)
    rest = rest.replace("station: CS201-01, number: 1,", f"station: CS201-01, number: 1, {capacity},")
    folder.mkdir(exist_ok=True)
    (folder / "reference.yaml").write_text(f"{before}      - price_components:\n{TARIFF}sites:{rest}")
    return folder


def swap(event: str, request: int, at: str | None, *states: float | None) -> tuple[str | None, str, str, list[Any]]:
    data = [
        {"evseId": 1 + slot, "serialNumber": f"B{slot}", "soH": 97.5, **({} if soc is None else {"soC": soc})}
        for slot, soc in enumerate(states)
    ]
    payload = {
        "batteryData": data,
        "eventType": event,
        "idToken": {"idToken": "04A1B2C3D4E5F6", "type": "ISO14443"},
        "requestId": request,
    }
    return at, STATION, "ocpp2.1", [2, f"{event}-{request}", "BatterySwap", payload]


FIRST = [
    swap("BatteryIn", 1, "2026-10-10T08:00:00Z", 40, 30),
    swap("BatteryOut", 1, "2026-10-10T08:01:30Z", 95, 90),
]
SECOND = [
    swap("BatteryIn", 2, "2026-10-11T08:00:00Z", 80),
    swap("BatteryOut", 2, "2026-10-11T08:02:00Z", 60),
]


def events(app: App, kind: type[Any]) -> Iterator[Any]:
    with app.reading() as store:
        records = store.log.read([Stream.EVENTS], Position(0), 10_000)
    yield from (told for record in records if isinstance(told := decode(record.body), kind))


def test_two_swaps_are_billed_by_the_set_and_by_what_the_batteries_held(app: App, tmp_path: Path) -> None:
    tell(app, tmp_path, "swaps", FIRST + SECOND)
    first, second = conclusions(app, SessionRated)
    assert [(line.dimension, line.quantity) for line in first.rated.lines] == [("ENERGY", 6900), ("SWAP", 1)]
    assert [(line.dimension, line.quantity) for line in second.rated.lines] == [("SWAP", 1), ("ENERGY_EXPORT", -1200)]
    assert (first.begin_wh, first.end_wh, first.energy_wh) == (4200, 11100, 6900)
    assert (first.rated.total, second.rated.total) == (Decimal("9.09"), Decimal("3.81"))
    [invoice] = bill(app)
    assert invoice.total == Decimal("12.90")
    text = " ".join(invoice_text(invoice, app.vault.open(invoice.buyer)).replace("\N{NO-BREAK SPACE}", " ").split())
    assert "Energy 6.900 kWh €0.60/kWh 19% 4.93 Battery swap 1 €3.50 19% 4.16" in text  # 9.09 in all
    with app.reading() as store:
        balances = {each.account: each.balance_micro for each in store.ledger.balances()}
        assert check(store.ledger) == ()
    assert (balances["4090:DE"], balances["4010:DE"], balances["5010:DE"]) == (-7_000_000, -4_140_000, 300_000)
    assert balances["1105:contract:C-TEST"] == 0
    assert sum(balances.values()) == 0
    assert replay(app).difference is None


@pytest.mark.parametrize("order", [(1, 0), (0, 1)])
def test_the_two_messages_may_come_in_any_order(app: App, tmp_path: Path, order: tuple[int, int]) -> None:
    for number, place in enumerate(order):
        tell(app, tmp_path, str(number), [FIRST[place]])
    assert [rated.rated.total for rated in conclusions(app, SessionRated)] == [Decimal("9.09")]


def test_a_swap_without_a_known_capacity_waits_for_it(tmp_path: Path) -> None:
    folder = reference(tmp_path / "reference", "signatures: required")
    app = new_home(tmp_path / "home", reference=folder)
    tell(app, tmp_path, "swap", FIRST)
    [flagged] = [each for each in conclusions(app, SessionFlagged) if each.finding is Finding.CAPACITY_UNKNOWN]
    assert flagged.detail == "EVSE DE*TST*E02*1: battery_capacity_wh"
    assert conclusions(app, SessionRated) == []
    reference(app.settings.reference_path, "battery_capacity_wh: 6000, signatures: required")
    app.publish_reference()
    [rated] = conclusions(app, SessionRated)
    assert (rated.rated.total, rated.held) == (Decimal("9.09"), None)  # no meter signs what batteries hold
    assert replay(app).difference is None


def test_batteries_that_come_in_and_go_nowhere_are_told_when_the_deadline_is_over(app: App, tmp_path: Path) -> None:
    tell(app, tmp_path, "in", FIRST[:1])
    assert conclusions(app, SessionClosed) == []
    tick(app, datetime(2026, 10, 20, tzinfo=UTC))
    [flagged] = conclusions(app, SessionFlagged)
    assert flagged.finding is Finding.ENERGY_UNKNOWN
    assert flagged.detail == "batteries: no state of charge of what went out"
    tell(app, tmp_path, "out", FIRST[1:])
    assert [rated.rated.total for rated in conclusions(app, SessionRated)] == [Decimal("9.09")]


@pytest.mark.parametrize(
    ("last", "missing"),
    [
        (swap("BatteryOutTimeout", 1, "2026-10-10T08:05:00Z"), "out"),
        (swap("BatteryOut", 1, "2026-10-10T08:01:30Z", 95, None), "out"),
    ],
)
def test_what_is_not_told_of_a_battery_is_not_guessed(app: App, tmp_path: Path, last: Any, missing: str) -> None:
    tell(app, tmp_path, "swap", [FIRST[0], last])
    [flagged] = conclusions(app, SessionFlagged)
    assert flagged.detail == f"batteries: no state of charge of what went {missing}"
    assert conclusions(app, SessionRated) == []


def test_the_same_message_again_at_another_time_holds_the_amount(app: App, tmp_path: Path) -> None:
    """The message has no time of its own, so it cannot be told from another swap under the same number."""
    again = swap("BatteryOut", 1, "2026-10-10T08:09:00Z", 95, 90)
    tell(app, tmp_path, "swaps", [*FIRST, again])
    assert any(flagged.finding is Finding.SECOND_END for flagged in conclusions(app, SessionFlagged))
    assert conclusions(app, SessionRated)[-1].held is not None


def test_a_swap_of_unknown_arrival_is_rejected(app: App, tmp_path: Path) -> None:
    tell(app, tmp_path, "swap", [swap("BatteryIn", 1, None, 40)])
    [rejected] = events(app, MessageRejected)
    assert rejected.detail == "BatterySwap has no time, and its arrival is not recorded"
    assert [*events(app, BatterySwapped)] == []
