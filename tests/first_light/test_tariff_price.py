"""`wattbook tariff price`, as it is typed: a session from a few words or from a file, and what is said of bad ones."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from wattbook.cli import cli
from wattbook.sketch import SketchRefused, read_sketch

TARIFF = """
id: t
currency: EUR
valid_from: 2020-01-01
elements:
  - price_components: [{type: ENERGY, price: 0.29, vat: 19, step_size: 100}]
    restrictions: {start_time: "22:00", end_time: "06:00"}
  - price_components: [{type: ENERGY, price: 0.49, vat: 19, step_size: 100}, {type: PARKING_TIME, price: 6, vat: 19}]
"""
EVENING = ["--energy", "3 kWh", "--start", "2026-03-10T21:30:00+01:00", "--duration", "1h", "--zone", "Europe/Berlin"]


def price(folder: Path, *words: str) -> Result:
    (folder / "t.yaml").write_text(TARIFF)
    return CliRunner().invoke(cli, ["tariff", "price", str(folder / "t.yaml"), *words])


def test_each_segment_tells_its_price_and_why(tmp_path):
    result = price(tmp_path, *EVENING)
    assert result.exit_code == 0, result.output
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    day, night = lines[2:4]
    assert (
        day == "2026-03-10 21:30:00 22:00:00 charging 1.500 kWh 0.49/kWh 0.7350 element 2: at all other times; 1 did not hold"
    )
    assert night == "22:00:00 22:30:00 charging 1.500 kWh 0.29/kWh 0.4350 element 1: 22:00-06:00 Europe/Berlin"
    assert "Owed: 1.39 EUR" in lines
    assert lines[-1] == "exactly 1.17 before and 1.3923 after taxes; rounded half-up per session and VAT rate, on gross"


def test_the_json_is_exact_and_adds_up(tmp_path):
    told = json.loads(price(tmp_path, *EVENING, "--idle", "10m", "--json").output)["price"]
    assert (told["before_taxes"], told["after_taxes"]) == ("2.17", "2.5823")
    assert [each["activity"] for each in told["segments"]] == ["charging", "charging", "idle"]
    assert told["rated"]["total"] == "2.58"


@pytest.mark.parametrize(
    ("start", "duration", "times"),
    [
        ("2026-10-25T02:00:00+02:00", "2h", ["02:00:00+02:00 03:00:00+01:00"]),
        ("2026-10-25T02:10:00+01:00", "20m", ["02:10:00+01:00 02:30:00+01:00"]),
        ("2026-03-29T01:30:00+01:00", "1h", ["01:30:00+01:00 03:30:00+02:00"]),
        ("2026-10-25T21:30:00+01:00", "1h", ["21:30:00 22:00:00", "22:00:00 22:30:00"]),
    ],
)
def test_where_the_clock_alone_misleads_the_offset_stands_beside_it(tmp_path, start, duration, times):
    words = ("--energy", "3kWh", "--start", start, "--duration", duration, "--zone", "Europe/Berlin")
    lines = [" ".join(line.split()) for line in price(tmp_path, *words).stdout.splitlines()]
    shown = [line.partition(" charging")[0] for line in lines if " charging " in line]
    assert [line.removeprefix(f"{start[:10]} ") for line in shown] == times


def test_a_duration_is_read_as_the_help_writes_it(tmp_path):
    start = ("--energy", "1kWh", "--start", "2026-03-10T10:00:00Z", "--zone", "UTC")
    assert price(tmp_path, *start, "--duration", "1H30M").stdout == price(tmp_path, *start, "--duration", "90 min").stdout != ""


def test_a_session_may_stand_in_a_file(tmp_path):
    session = {
        "start": "2026-03-10T21:00:00+01:00",
        "end": "2026-03-10T23:00:00+01:00",
        "readings": [
            {"at": "2026-03-10T22:00:00+01:00", "energy": "2 kWh"},
            {"at": "2026-03-10T22:30:00+01:00", "energy": "3 kWh"},
        ],
        "activities": [{"at": "2026-03-10T22:30:00+01:00", "is": "idle"}],
        "time_zone": "Europe/Berlin",
    }
    (tmp_path / "session.json").write_text(json.dumps(session))
    told = json.loads(price(tmp_path, str(tmp_path / "session.json"), "--json").output)["price"]
    assert told["before_taxes"] == "4.27"  # 2 x 0.49 + 1 x 0.29 + half an hour at 6.00


def test_another_profile_and_another_rounding_are_said_in_the_result(tmp_path):
    said = price(tmp_path, *EVENING, "--profile", "ocpp-2.1", "--halves", "half-even", "--rounded", "per line, on gross").output
    assert "by ocpp-2.1" in said
    assert said.splitlines()[-1].endswith("rounded half-even per line, on gross")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--energy", "3"], "give a FILE with the session, or --start, --duration as well"),
        ([*EVENING[:2], "--start", "yesterday", *EVENING[4:]], "--start 'yesterday': write such as 2026-03-10T10:00:00+01:00"),
        ([*EVENING[:2], "--start", "2026-03-10T21:30:00", *EVENING[4:]], "has no offset from UTC"),
        ([*EVENING[:2], "--start", "9999-12-31T21:30:00+01:00", *EVENING[4:]], "is not between 1970 and 2999; check the year"),
        (["--energy", "3 GWh", *EVENING[2:]], "--energy '3 GWh' cannot be read; write for example 20 kWh"),
        ([*EVENING[:6], "--zone", "Berlin"], "time_zone: no time zone is called 'Berlin'; write for example Europe/Berlin"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_to_write(tmp_path, words, complaint):
    result = price(tmp_path, *words)
    assert result.exit_code != 0
    assert complaint in " ".join(result.output.split())


def test_a_file_that_is_no_session_is_refused_with_all_that_is_wrong(tmp_path):
    (tmp_path / "s.yaml").write_text("start: 2026-03-10T21:00:00\nend: 2026-03-10T20:00:00+01:00\nenergy: lots\nkwh: 3\n")
    result = price(tmp_path, str(tmp_path / "s.yaml"))
    assert result.exit_code == 1
    told = " ".join(result.output.split())
    assert "start: has no offset from UTC" in told
    assert "energy: 'lots' cannot be read; write for example 20 kWh" in told
    assert "kwh: there is no such field; check its spelling" in told


FIELDS = st.sampled_from(["start", "end", "energy", "readings", "activities", "power", "reserved", "time_zone", "x"])
INNER = st.sampled_from(["at", "energy", "is", "value", "since"])
VALUES = st.recursive(
    st.none() | st.text(max_size=30) | st.integers() | st.sampled_from(["2026-03-10T21:00:00Z", "1 kWh", "idle", "9" * 40]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(INNER, inner),
    max_leaves=6,
)


@given(st.dictionaries(FIELDS, VALUES))
def test_anything_is_a_session_or_is_refused_in_words(raw):
    with suppress(SketchRefused):
        session = read_sketch(raw).session
        assert session.start <= session.end
        assert session.energy_wh == session.readings[-1].register_wh - session.readings[0].register_wh
