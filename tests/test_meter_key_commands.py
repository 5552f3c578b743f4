"""`wattbook meter-key`: keys are registered for an EVSE, listed and revoked, and sessions that waited for one are billed."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.reference.folder import FILES, SITES
from wattbook.cli import cli
from wattbook.demo_meter import DemoMeter
from wattbook.reference_files import ReferenceErrors
from wattbook.trusted_keys import MeterKeyRefused

EVSE, OTHER = "DE*ELB*E1", "DE*ELB*E2"
KEY = DemoMeter("M1").public_key()
START = datetime(2026, 3, 10, 8, tzinfo=UTC)
REQUIRED = SITES.replace("id: hafen", "id: hafen\n    signatures: required")


def frames(meter: str | DemoMeter, number: int, start: datetime = START, from_wh: int = 1000) -> str:
    """A session of an hour and 5 kWh, signed by the meter at both ends."""
    signing, end = DemoMeter(meter) if isinstance(meter, str) else meter, start + timedelta(hours=1)

    def signed(kind: str, at: datetime, register_wh: int) -> dict[str, object]:
        value = signing.sign(kind, at, Decimal(register_wh), "04A1")
        context = "Transaction.Begin" if kind == "B" else "Transaction.End"
        return {
            "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "sampledValue": [{"value": value, "format": "SignedData", "context": context}],
        }

    begin = {"connectorId": number, "idTag": "04A1", "meterStart": from_wh, "timestamp": f"{start:%Y-%m-%dT%H:%M:%SZ}"}
    data = [signed("B", start, from_wh), signed("E", end, from_wh + 5000)]
    stop = {"transactionId": 7, "meterStop": from_wh + 5000, "timestamp": f"{end:%Y-%m-%dT%H:%M:%SZ}", "transactionData": data}
    lines = (
        (start, ">", [2, f"s{number}", "StartTransaction", begin]),
        (start, "<", [3, f"s{number}", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}]),
        (end, ">", [2, f"e{number}", "StopTransaction", stop]),
    )
    return "".join(f"{at:%Y-%m-%dT%H:%M:%SZ} HAM-1 {mark} {json.dumps(frame)}\n" for at, mark, frame in lines)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """With a session of EVSE 1 that is signed by M1, whose key nobody has registered."""
    home = tmp_path / "home"
    assert run(home, "init", str(home)).exit_code == 0
    for file in (home / "reference").iterdir():
        file.unlink()
    for name, text in (FILES | {"sites.yaml": REQUIRED}).items():
        (home / "reference" / name).write_text(text)
    (tmp_path / "frames.log").write_text(frames("M1", 1))
    assert run(home, "reference", "publish").exit_code == 0
    assert run(home, "import", str(tmp_path / "frames.log")).exit_code == 0
    return home


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--home", str(home), *words])


def told(home: Path, *words: str) -> str:
    result = run(home, *words)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


def refused(home: Path, *words: str) -> str:
    result = run(home, "meter-key", *words)
    assert isinstance(result.exception, MeterKeyRefused), result.output
    return str(result.exception)


def worklist(home: Path) -> list[str | None]:
    return [each["finding"] for each in json.loads(told(home, "session", "worklist", "--json"))]


def test_a_key_that_is_registered_late_has_the_held_session_billed_and_says_so(home: Path) -> None:
    assert worklist(home) == ["meter_signature_cannot_be_checked"]
    said = told(home, "meter-key", "add", EVSE, "--key", KEY, "--from", "2026-03-01", "--meter", "M1")
    assert said.splitlines() == [
        "DE*ELB*E1 trusts the key c1b1d260842d5589 of meter M1, from 2026-02-28T23:00Z",
        "1 session had waited and was checked again: 1 billable now",
    ]
    assert worklist(home) == []
    again = told(home, "meter-key", "add", EVSE, "--key", KEY, "--from", "2026-03-01", "--meter", "M1")
    assert again == "DE*ELB*E1 trusts this key already, for the same time: nothing to do\n"


def test_a_key_of_another_meter_leaves_it_held_and_says_for_what(home: Path) -> None:
    said = told(home, "meter-key", "add", EVSE, "--key", DemoMeter("M2").public_key())
    assert "1 session had waited and was checked again: 0 billable now" in said
    assert "stays held: meter_signature_failed" in said
    assert worklist(home) == ["meter_signature_failed"]


@pytest.mark.parametrize(
    ("words", "because", "do"),
    [
        ((), "no_meter_key_is_registered_for_the_evse", "register its key, or release or drop it"),
        (
            ("--key", KEY, "--from", "2026-03-11"),
            "meter_key_was_not_valid_then",
            "correct its key's time, release or drop",
        ),
        (
            ("--key", DemoMeter("M2").public_key()),
            "signature_does_not_match_the_registered_key",
            "check its key, or release or drop it",
        ),
        (
            ("--key", KEY, "--meter", "M7"),
            "meter_is_not_the_one_registered_at_the_evse",
            "correct its key, or release or drop it",
        ),
    ],
)
def test_the_worklist_says_why_signed_values_are_not_billed_and_what_to_do(
    home: Path, words: tuple[str, ...], because: str, do: str
) -> None:
    if words:
        told(home, "meter-key", "add", EVSE, *words)
    [work] = json.loads(told(home, "session", "worklist", "--json"))
    assert (work["because"], work["do"]) == (because, do)
    shown = " ".join(told(home, "session", "worklist").split())
    assert "because do" in shown
    assert f"{because} {do}" in shown


def test_a_session_shows_the_key_if_there_is_one_and_that_its_energy_is_as_signed(home: Path) -> None:
    [work] = json.loads(told(home, "session", "worklist", "--json"))
    before = told(home, "session", "show", work["session"])
    assert "· meter M1\n" in before
    assert "energy     5.000 kWh by " in before
    told(home, "meter-key", "add", EVSE, "--key", KEY)
    after = told(home, "session", "show", work["session"])
    assert "· meter M1, key c1b1d260842d5589 · 1.000 to 6.000 kWh" in after
    assert "energy     5.000 kWh as signed; messages: 5.000 kWh by " in after


def test_a_key_of_another_evse_looks_at_no_session(home: Path) -> None:
    assert "no session had waited for it" in told(home, "meter-key", "add", OTHER, "--key", KEY)
    assert worklist(home) == ["meter_signature_cannot_be_checked"]


def test_a_program_is_told_the_sessions_by_their_ids(home: Path) -> None:
    [waiting] = json.loads(told(home, "session", "worklist", "--json"))
    said = json.loads(told(home, "meter-key", "add", EVSE, "--key", KEY, "--json"))
    assert said["new"] is True
    assert said["key"]["evse_id"] == EVSE
    assert said["sessions"] == {"checked": 1, "billable": [waiting["session"]], "held": [], "done": True}


def test_a_site_that_names_the_key_has_the_held_session_billed_as_well(home: Path) -> None:
    named = REQUIRED.replace("number: 1", f"number: 1\n        meter_keys: [{{public_key: {KEY}}}]")
    (home / "reference" / "sites.yaml").write_text(named)
    told(home, "reference", "publish")
    assert worklist(home) == []


@pytest.mark.parametrize("kind", ["pem.txt", "key.der"])
def test_a_key_may_stand_in_a_file(home: Path, kind: str) -> None:
    file = home / kind
    file.write_bytes(bytes.fromhex(KEY) if kind.endswith("der") else KEY.encode())
    assert "trusts the key c1b1d260842d5589" in told(home, "meter-key", "add", EVSE, "--key-file", str(file))


def test_a_key_is_listed_with_its_time_and_with_who_named_it(home: Path) -> None:
    assert told(home, "meter-key", "list").startswith("no key is registered")
    told(home, "meter-key", "add", EVSE, "--key", KEY, "--from", "2026-03-01", "--until", "2026-06-01", "--by", "Ada")
    [listed] = json.loads(told(home, "meter-key", "list", EVSE, "--json"))
    assert listed == {
        "evse_id": EVSE,
        "site": "hafen",
        "meter": "",
        "curve": "secp256r1",
        "fingerprint": listed["fingerprint"],
        "public_key": KEY,
        "valid_from": "2026-02-28T23:00:00Z",
        "valid_until": "2026-05-31T22:00:00Z",
        "registers": [],
        "source": "register",
        "revoked": "",
        "by": "Ada",
    }
    assert "c1b1d260842d5589  2026-02-28T23:00Z   2026-05-31T22:00Z  register" in told(home, "meter-key", "list")
    assert refused(home, "list", "DE*ELB*E3").startswith("there is no EVSE DE*ELB*E3 here (did you mean DE*ELB*E")


def test_what_is_revoked_is_not_trusted_from_then_on_even_where_the_site_names_it(home: Path) -> None:
    named = REQUIRED.replace("number: 1", f"number: 1\n        meter_keys: [{{public_key: {KEY}}}]")
    (home / "reference" / "sites.yaml").write_text(named)
    said = told(home, "meter-key", "revoke", EVSE, "c1b1", "--reason", "the meter was sold", "--from", "2026-03-10")
    assert said == (
        "DE*ELB*E1 trusts the key c1b1d260842d5589, since ever until 2026-03-09T23:00Z; revoked: the meter was sold\n"
    )
    told(home, "reference", "publish")
    [listed] = json.loads(told(home, "meter-key", "list", "--json"))
    assert (listed["revoked"], listed["valid_until"]) == ("the meter was sold", "2026-03-09T23:00:00Z")
    again = told(home, "meter-key", "revoke", EVSE, "c1b1d2", "--reason", "sold", "--from", "2026-04-01")
    assert again.endswith("nothing to do\n")
    assert "since ever" in told(home, "meter-key", "add", EVSE, "--key", KEY), "who registers it anew trusts it again"


def test_a_key_that_was_registered_by_a_slip_is_revoked_entirely_and_frees_the_right_evse(home: Path) -> None:
    assert run(home, "meter-key", "add", "DE*ELB*E0999", "--key", KEY).exit_code == 0
    assert "with --entirely after a slip" in refused(home, "add", EVSE, "--key", KEY)
    slip = ("meter-key", "revoke", "DE*ELB*E0999", "c1b1", "--reason", "a slip", "--entirely")
    assert told(home, *slip) == "DE*ELB*E0999 never trusted the key c1b1d260842d5589; revoked: a slip\n"
    assert told(home, *slip).endswith("nothing to do\n")
    assert "1 billable now" in told(home, "meter-key", "add", EVSE, "--key", KEY)
    listed = told(home, "meter-key", "list", "DE*ELB*E0999")
    assert "c1b1d260842d5589  never" in listed
    assert "a slip" in listed


@pytest.mark.parametrize("since", [(), ("--from", "2026-03-01")])
def test_a_key_that_was_revoked_entirely_is_trusted_again_by_who_adds_it(home: Path, since: tuple[str, ...]) -> None:
    told(home, "meter-key", "add", EVSE, "--key", KEY, *since)
    slip = ("meter-key", "revoke", EVSE, "c1b1", "--reason", "a slip", "--entirely")
    said = json.loads(told(home, *slip, "--json"))
    assert (said["new"], said["key"]["revoked"]) == (True, "a slip")
    assert said["key"]["valid_until"] == said["key"].get("valid_from", "0001-01-01T00:00:00Z"), "an empty interval"
    assert json.loads(told(home, *slip, "--json"))["new"] is False
    assert "from 2026-03-05" not in told(home, "meter-key", "list", EVSE)
    assert "trusts the key" in told(home, "meter-key", "add", EVSE, "--key", KEY, "--from", "2026-03-09")
    [listed] = json.loads(told(home, "meter-key", "list", EVSE, "--json"))
    assert (listed["valid_from"], listed["valid_until"], listed["revoked"]) == ("2026-03-08T23:00:00Z", None, "")


def test_revoked_entirely_is_for_all_time(home: Path) -> None:
    words = ("meter-key", "revoke", EVSE, "c1b1", "--reason", "x", "--entirely", "--from", "2026-03-01")
    assert "leave --from out" in run(home, *words).output


def test_a_session_that_was_over_before_is_verified_whenever_it_comes_and_a_later_one_is_not(home: Path) -> None:
    told(home, "meter-key", "add", EVSE, "--key", KEY)
    told(home, "meter-key", "revoke", EVSE, "c1b1", "--reason", "stolen", "--from", "2026-03-20")
    meter = DemoMeter("M1")
    frames(meter, 1)  # which came already
    for day in (12, 25):
        told_late = frames(meter, 1, START.replace(day=day), day * 1000)
        (home / "late.log").write_text(told_late.replace('"transactionId": 7', f'"transactionId": {day}'))
        told(home, "import", str(home / "late.log"))
    assert worklist(home) == ["meter_signature_failed"]


def test_the_serial_and_registers_that_were_named_with_a_key_stay_named(home: Path) -> None:
    named = f"{{public_key: {KEY}, meter: M7, registers: ['1-0:1.8.0*255']}}"
    (home / "reference" / "sites.yaml").write_text(REQUIRED.replace("number: 1", f"number: 1\n        meter_keys: [{named}]"))
    assert "nothing to do" in told(home, "meter-key", "add", EVSE, "--key", KEY)
    told(home, "meter-key", "revoke", EVSE, "c1b1", "--reason", "sold", "--from", "2026-03-20")
    assert "of meter M7, since ever" in told(home, "meter-key", "add", EVSE, "--key", KEY)
    [listed] = json.loads(told(home, "meter-key", "list", EVSE, "--json"))
    assert (listed["meter"], listed["registers"]) == ("M7", ["1-0:1.8.0*255"])
    assert "of meter M8, since ever" in told(home, "meter-key", "add", EVSE, "--key", KEY, "--meter", "M8")


def test_an_evse_of_no_site_yet_may_have_a_key_and_it_counts_once_the_site_comes(home: Path) -> None:
    noted = run(home, "meter-key", "add", "DE*ELB*E9", "--key", KEY)
    assert noted.exit_code == 0
    assert "no site has DE*ELB*E9 yet" in noted.output
    moved = REQUIRED.replace("evse_id: DE*ELB*E1", "evse_id: DE*ELB*E9")
    (home / "reference" / "sites.yaml").write_text(moved)
    told(home, "reference", "publish")
    assert worklist(home) == []


def not_published(home: Path, sites: str) -> str:
    (home / "reference" / "sites.yaml").write_text(sites)
    result = run(home, "reference", "publish")
    assert isinstance(result.exception, ReferenceErrors), result.output
    return str(result.exception)


def test_a_folder_that_has_a_key_at_another_evse_than_the_register_is_not_published(home: Path) -> None:
    run(home, "meter-key", "add", "DE*ELB*E0999", "--key", KEY)
    named = REQUIRED.replace("number: 2", f"number: 2\n        meter_keys: [{{public_key: {KEY}}}]")
    assert (
        "sites[1].evses[2].meter_keys[1].public_key: this key is registered for DE*ELB*E0999 as well, at the same time: let it "
        "end there (`wattbook meter-key revoke DE*ELB*E0999`, with --entirely after a slip)"
    ) in not_published(home, named)
    both = named.replace("evse_id: DE*ELB*E1", "evse_id: DE*ELB*E0999")
    assert "this key is registered for DE*ELB*E0999 as well" in not_published(home, both)
    said = told(home, "meter-key", "revoke", "DE*ELB*E0999", "c1b1", "--reason", "a slip", "--entirely")
    assert said.startswith("DE*ELB*E0999 never trusted"), "what is wrong in the folder keeps nobody from revoking"
    told(home, "reference", "publish")


def test_an_evse_that_comes_with_a_key_which_the_register_has_for_it_and_the_folder_at_another_is_refused(home: Path) -> None:
    named = REQUIRED.replace("number: 1", f"number: 1\n        meter_keys: [{{public_key: {KEY}, valid_from: 2026-05-01}}]")
    (home / "reference" / "sites.yaml").write_text(named)
    told(home, "reference", "publish")
    told(home, "meter-key", "add", OTHER, "--key", KEY, "--until", "2026-05-01")
    earlier = named.replace("valid_from: 2026-05-01", "valid_from: 2026-04-01")
    assert "sites[1].evses[2].evse_id: is registered with a meter key that stands at " in not_published(home, earlier)
    assert "`wattbook meter-key revoke DE*ELB*E2`" in not_published(home, earlier)


def test_what_contradicts_what_is_registered_is_refused_with_a_remedy(home: Path) -> None:
    told(home, "meter-key", "add", EVSE, "--key", KEY, "--from", "2026-03-01", "--meter", "M1")
    other = refused(home, "add", OTHER, "--key", KEY)
    assert other.startswith(
        "DE*ELB*E1 trusts this key from 2026-02-28T23:00Z, and what is signed at one EVSE would be verified"
    )
    assert "name the meter at both" in other
    shorter = refused(home, "add", EVSE, "--key", KEY, "--from", "2026-04-01")
    assert "would leave some of that out. Write an interval that contains it" in shorter
    assert run(home, "meter-key", "add", OTHER, "--key", KEY, "--meter", "M2").exit_code == 0
    assert "2026-01-31T23:00Z" in told(home, "meter-key", "add", EVSE, "--key", KEY, "--from", "2026-02-01", "--meter", "M1")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "HAM-1/1", "--key", KEY), "`HAM-1/1` is not an EVSE id of eMI3: write such as DE*WAT*E0001"),
        (("add", EVSE, "--key", "abc"), "the key is neither hex nor base64: write the meter's public key"),
        (("add", EVSE, "--key", KEY, "--register", "energy"), "`energy` is not a register: write its OBIS code"),
        (("add", EVSE, "--key", KEY, "--from", "2026-03-01", "--until", "2026-03-01"), "the key would end before it begins"),
        (("add", EVSE, "--key", KEY, *["--register", "1-0:1.8.0*198"] * 17), "17 registers are more than a meter has"),
        (("add", EVSE, "--key", KEY, "--meter", "M" * 61), "the meter's serial number has 61 characters: write at most 60"),
        (("add", EVSE, "--key", KEY, "--meter", "M\x00"), "the meter's serial number has control characters"),
        (("revoke", EVSE, "c1b1", "--reason", "x"), "DE*ELB*E1 has no key whose fingerprint begins with c1b1; it has none"),
        (("revoke", EVSE, "c1", "--reason", "x"), "`c1` names no key: write at least 4 hex digits of its fingerprint"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(home: Path, words: tuple[str, ...], why: str) -> None:
    assert refused(home, *words).startswith(why)


def test_a_key_is_written_once(home: Path) -> None:
    for words in ((), ("--key", KEY, "--key-file", str(home / "reference" / "sites.yaml"))):
        assert run(home, "meter-key", "add", EVSE, *words).exit_code == 2
