"""Prices that come from a file and price sessions: through the commands, on a home."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.first_light.test_worklist import Home, event
from wattbook.price_rows import PricesRefused

FOLLOWS = """          - {type: ENERGY, price: 0.12, vat: 19, series: {id: day-ahead, least: 0.00}}
"""
DAY = ("08:00", "85.30"), ("08:15", "90"), ("08:30", "-200"), ("08:45", "85.30")
WHOLE = (event("Started", 0, 0, 0), event("Ended", 1, 60, 4000))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    path = made.folder / "reference" / "reference.yaml"
    path.write_text(re.sub(r".*type: ENERGY.*\n", FOLLOWS, path.read_text()))
    made.run("reference", "publish")
    return made


def prices(home: Home, *rows: tuple[str, str], name: str = "day.csv") -> str:
    path = home.folder / name
    path.write_text("time,price\n" + "".join(f"2026-10-05T{at}Z,{price}\n" for at, price in rows))
    return str(path)


def imported(home: Home, *rows: tuple[str, str], name: str = "day.csv") -> Any:
    words = ("--series", "day-ahead", "--unit", "EUR/MWh", "--resolution", "15m")
    return home.told("prices", "import", prices(home, *rows, name=name), *words)


def shown(home: Home) -> dict[str, Any]:
    [row] = home.told("session", "list")
    return dict(home.told("session", "show", row["session"]))


def test_a_session_is_priced_by_the_day_invoiced_and_replayed(home: Home) -> None:
    """1 kWh in each quarter: 2 x 0.2053 + 0.21 + 0 = 0.6206 net, 0.74 with 19 %."""
    imported(home, *DAY)
    home.hears(*WHOLE)
    found = shown(home)
    assert [(line["billed"], line["unit_price"], line["reason"]) for line in found["rated"]["rated"]["lines"]] == [
        ("2000", "0.2053", "element 1: day-ahead 0.0853 + 0.12"),
        ("1000", "0.21", "element 1: day-ahead 0.09 + 0.12"),
        ("1000", "0", "element 1: day-ahead, at least 0.00"),
    ]
    [version] = found["rated"]["series"]
    assert found["rated"]["rated"]["total"] == "0.74"
    assert home.told("prices", "show", "day-ahead")["publications"][0]["version"] == version
    assert home.run("invoice", "run", "--month", "2026-10", "--issued-on", "2026-11-01").exit_code == 0
    home.sound()
    assert "day-ahead 0.0853 + 0.12" in home.run("invoice", "show", _number(home)).output


def _number(home: Home) -> str:
    [invoice] = home.told("invoice", "list")
    return str(invoice["number"])


SKETCH = ("--energy", "4kWh", "--start", "2026-10-05T08:00:00+00:00", "--duration", "1h")


def test_a_sketch_of_which_a_price_is_missing_has_no_total_and_status_1(home: Home) -> None:
    for rows, lacking in (((), "at 2026-10-05T08:00Z"), (DAY[:2], "at 2026-10-05T08:30Z")):
        if rows:
            imported(home, *rows)
        text = home.run("tariff", "price", "by-hand", *SKETCH)
        assert (text.exit_code, "Owed" in text.stdout, "none is published" in text.stdout) == (1, False, True)
        assert f"day-ahead has no price in EUR {lacking}; there is no total" in " ".join(text.stderr.split())
        told = home.run("tariff", "price", "by-hand", *SKETCH, "--json")
        assert (told.exit_code, json.loads(told.stdout)["price"]) == (1, None)
        assert json.loads(told.stdout)["missing"] == f"day-ahead has no price in EUR {lacking}"
    imported(home, *DAY, name="whole.csv")
    assert home.told("tariff", "price", "by-hand", *SKETCH)["price"]["rated"]["total"] == "0.74"


def test_a_tariff_in_a_file_is_priced_by_what_this_home_has_of_its_series(home: Home, tmp_path: Path) -> None:
    imported(home, *DAY)
    component = {"type": "ENERGY", "price": "0.12", "vat": 19, "series": {"id": "day-ahead", "least": "0.00"}}
    file = tmp_path / "spot.yaml"
    file.write_text(json.dumps({"id": "spot", "currency": "EUR", "elements": [{"price_components": [component]}]}))
    assert home.told("tariff", "price", str(file), *SKETCH)["price"]["rated"]["total"] == "0.74"
    home.folder = tmp_path / "nowhere"
    lost = home.run("tariff", "price", str(file), *SKETCH)
    assert (lost.exit_code, "day-ahead has no price in EUR" in lost.stderr) == (1, True)
    assert not home.folder.exists()


def test_a_session_whose_prices_come_later_is_blocked_and_then_billed(home: Home) -> None:
    home.hears(*WHOLE)
    [work] = home.told("session", "worklist")
    assert (work["finding"], work["do"]) == ("price_of_the_series_is_not_published", "import its prices, or drop it")
    assert "import the missing prices" in home.refused("session", "release", work["session"], "--reason", "why")
    assert imported(home, *DAY[:2])["sessions"] == {}, "half an hour is missing still"
    assert imported(home, *DAY[2:], name="rest.csv")["sessions"] == {"flagged": -1, "rated": 1}
    assert len(shown(home)["rated"]["series"]) == 2
    home.sound()


def test_a_correction_holds_for_what_comes_late_and_what_was_rated_keeps_its_price(home: Home) -> None:
    imported(home, *DAY)
    home.hears(*WHOLE)
    before = shown(home)["rated"]
    corrected = imported(home, ("08:00", "1085.30"), name="corrected.csv")
    assert (corrected["new"], corrected["replaced"], corrected["sessions"]) == (1, 1, {})
    assert shown(home)["rated"] == before
    home.hears(event("Started", 0, 0, 0, tx="T2"), event("Ended", 1, 15, 1000, tx="T2"))
    rated = [home.told("session", "show", row["session"])["rated"] for row in home.told("session", "list")]
    assert {one["rated"]["lines"][0]["unit_price"] for one in rated} == {"0.2053", "1.2053"}
    home.sound()


def test_what_is_imported_again_is_known(home: Home) -> None:
    assert imported(home, *DAY)["new"] == 1
    assert imported(home, *DAY, name="again.csv")["new"] == 0


def test_a_file_that_is_wrong_publishes_nothing(home: Home) -> None:
    with pytest.raises(PricesRefused, match=r"day\.csv: line 3: no price from 2026-10-05T08:15Z"):
        imported(home, ("08:00", "1"), ("09:00", "1"))
    with pytest.raises(PricesRefused, match="no series day-ahead is published here; there are: none"):
        home.run("prices", "show", "day-ahead")


def test_a_series_stays_in_its_currency(home: Home) -> None:
    imported(home, *DAY)
    with pytest.raises(PricesRefused, match="day-ahead is published in EUR: give the one in CHF another name"):
        home.run("prices", "import", str(home.folder / "day.csv"), "--series", "day-ahead", "--unit", "CHF/MWh")


def test_a_day_is_shown_by_the_clock_with_its_publications(home: Home) -> None:
    imported(home, *DAY)
    imported(home, ("08:15", "95.5"), name="corrected.csv")
    lines = home.run("prices", "show", "day-ahead", "--day", "2026-10-05").output.splitlines()
    assert lines[0] == "day-ahead, 2026-10-05, Europe/Berlin, EUR per kWh"
    assert lines[12].split() == ["10:00", "0.0853", "0.0955", "-0.2", "0.0853"]
    assert lines[26] == "lowest -0.2 at 10:30, highest 0.0955 at 10:15, mean 0.01653"
    assert [re.sub(r"[0-9a-f]{12}|\d{4}-\d\d-\d\d \d\d:\d\d", "…", line) for line in lines[27:]] == [
        "version …: 3 quarter-hours, published … UTC in EUR/MWh from day.csv, SHA-256 …",
        "version …: 1 quarter-hour, published … UTC in EUR/MWh from corrected.csv, SHA-256 …",
    ]


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ("2026-10-25", ["00:00+02:00", "01:00+02:00", "02:00+02:00", "02:00+01:00", "03:00+01:00"]),
        ("2026-03-29", ["00:00+01:00", "01:00+01:00", "03:00+02:00", "04:00+02:00", "05:00+02:00"]),
        ("2026-10-26", ["00:00", "01:00", "02:00", "03:00", "04:00"]),
    ],
)
def test_a_night_in_which_clocks_change_is_shown_by_its_offsets(home: Home, day: str, hours: list[str]) -> None:
    imported(home, *DAY)
    lines = home.run("prices", "show", "day-ahead", "--day", day).output.splitlines()
    assert [line.split()[0] for line in lines[2:7]] == hours
    assert lines[-1] == "no price is published for that day"


def test_a_zone_that_is_none_is_wrong_usage(home: Home) -> None:
    assert home.run("prices", "show", "x", "--zone", "Atlantis").exit_code == 2


def test_json_has_every_quarter_hour(home: Home) -> None:
    imported(home, *DAY)
    told = json.loads(home.run("prices", "show", "day-ahead", "--json").output)
    assert len(told["prices"]) == 96
    assert told["prices"][40] | {"version": ""} == {"start": "2026-10-05T10:00:00+02:00", "per_kwh": "0.0853", "version": ""}


def test_a_session_that_comes_to_less_than_nothing_is_taken_off_the_next_invoice(home: Home) -> None:
    """4 kWh at -0.20 + 0.12 net: -0.32, with 19 % -0.38; then 4 kWh at 0.28 + 0.12: 1.60 net, 1.90."""
    path = home.folder / "reference" / "reference.yaml"
    path.write_text(path.read_text().replace(", least: 0.00", ""))
    home.run("reference", "publish")
    imported(home, *((at, "-200") for at, _ in DAY))
    home.hears(*WHOLE)
    assert shown(home)["rated"]["rated"]["total"] == "-0.38"
    run = ("invoice", "run", "--month", "2026-10", "--issued-on", "2026-11-01")
    assert "nothing to invoice" in home.run(*run).output
    imported(home, *((at.replace("08", "09"), "280") for at, _ in DAY), name="later.csv")
    home.hears(event("Started", 0, 60, 4000, tx="T2"), event("Ended", 1, 120, 8000, tx="T2"))
    assert home.run(*run).exit_code == 0
    [invoice] = home.told("invoice", "list")
    assert invoice["total"] == "1.52"
    assert "-0.38" in home.run("invoice", "show", _number(home)).output
    home.sound()


def test_a_session_that_nobody_charged_is_priced_by_what_is_published(home: Home) -> None:
    words = ("tariff", "price", "by-hand", "--energy", "1kWh", "--start", "2026-10-05T08:00:00+00:00", "--duration", "15m")
    before = home.run(*words).output
    assert "no price: none is published, or free" in before
    assert "price_of_the_series_is_not_published" in before
    imported(home, *DAY)
    assert "element 1: day-ahead 0.0853 + 0.12" in home.run(*words).output
