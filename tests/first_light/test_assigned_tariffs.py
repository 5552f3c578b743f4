"""Assignments of tariffs, from the file to the charge: through the commands, on a home."""

from pathlib import Path

import pytest

from tests.first_light.test_worklist import Home, event
from tests.first_light.test_worklist import home as home
from wattbook.reference_files import ReferenceErrors

SESSION = (event("Started", 0, 0, 0), event("Ended", 1, 60, 5000))  # 10:00 to 11:00 in Berlin, a Monday
CHEAP = """\
tariffs:
  - id: cheap
    valid_from: {valid_from}
    currency: EUR
    elements: [{{price_components: [{{type: ENERGY, price: 0.10, vat: 19}}]}}]
"""


def write(home: Home, *assignments: str, valid_from: str = "2026-01-01") -> None:
    folder: Path = home.folder / "reference"
    (folder / "cheap.yaml").write_text(CHEAP.format(valid_from=valid_from))
    (folder / "assignments.yaml").write_text("assignments:\n" + "".join(f"  - {{{one}}}\n" for one in assignments))


def assign(home: Home, *assignments: str, valid_from: str = "2026-01-01") -> None:
    write(home, *assignments, valid_from=valid_from)
    assert home.run("reference", "publish").exit_code == 0


def about(home: Home) -> list[str]:
    lines = home.run("session", "show", "T1").stdout.splitlines()
    return [line for line in lines if line.startswith(("tariff", "because", "progress", "before"))]


def test_a_session_is_priced_by_the_tariff_that_is_assigned_to_it_and_says_why(home: Home) -> None:
    assign(home, "id: mondays, tariff: cheap, contract: C-TEST, site: lab, weekdays: [MONDAY]", "id: all, tariff: by-hand")
    home.hears(*SESSION)
    shown = about(home)
    assert shown[0] == "progress   rated"
    assert shown[1].startswith("tariff     cheap, version ")
    assert shown[2] == "because    assignment mondays: contract C-TEST; site lab; MONDAY, as the session began"
    [charge] = [home.told("session", "show", "T1")["rated"]]
    assert (charge["tariff"], charge["chosen"]["assignment"], charge["rated"]["total"]) == ("cheap", "mondays", "0.60")
    home.sound()


def test_without_assignments_it_is_the_evses(home: Home) -> None:
    home.hears(*SESSION)
    assert about(home)[2] == "because    EVSE DE*TST*E02*1 names it, as the session began"


def test_a_session_whose_tariff_is_not_in_force_waits_until_another_is_assigned(home: Home) -> None:
    assign(home, "id: mine, tariff: cheap, contract: C-TEST", valid_from="2027-01-01")
    home.hears(*SESSION)
    [row] = home.told("session", "list")
    assert (row["progress"], row["finding"]) == ("flagged", "no_tariff_in_force")
    assign(home, "id: mine, tariff: by-hand, contract: C-TEST", valid_from="2027-01-01")
    assert about(home)[0] == "progress   rated"
    assert "before     no_tariff_in_force: tariff cheap of assignment mine" in about(home)
    home.sound()


def test_a_session_keeps_the_tariff_that_it_was_charged_by(home: Home) -> None:
    home.hears(*SESSION)
    assign(home, "id: mine, tariff: cheap, contract: C-TEST")
    assert about(home)[1].startswith("tariff     by-hand, version ")


def test_assignments_that_tie_are_refused_and_nothing_is_published(home: Home) -> None:
    write(home, "id: one, tariff: cheap, site: lab", "id: two, tariff: by-hand, site: lab")
    with pytest.raises(ReferenceErrors, match="is as specific as `one`"):
        home.run("reference", "publish")
    home.run("audit", "verify")


def test_assignments_that_follow_each_other_do_not_tie(home: Home) -> None:
    assign(
        home,
        "id: one, tariff: cheap, site: lab, valid_until: 2026-10-05",
        "id: two, tariff: by-hand, site: lab, valid_from: 2026-10-05",
        "id: three, tariff: cheap, site: lab, start_time: 08:00, end_time: 10:30",
        "id: four, tariff: by-hand, site: lab, start_time: 10:30, end_time: 08:00",
    )
    home.hears(*SESSION)
    assert about(home)[2].startswith("because    assignment three: site lab; 08:00-10:30")


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (("--token", "04a1b2c3d4e5f6"), ["tariff     cheap", "because    assignment mine: contract C-TEST"]),
        ((), ["tariff     by-hand", "because    EVSE DE*TST*E01*1 names it"]),
    ],
)
def test_what_would_be_chosen_can_be_asked_for(home: Home, words: tuple[str, ...], printed: list[str]) -> None:
    assign(home, "id: mine, tariff: cheap, contract: C-TEST, valid_from: 2026-03-01")
    lines = home.run("tariff", "choose", "DE*TST*E01*1", "--at", "2026-03-01", *words).stdout.splitlines()
    assert lines[0].startswith(printed[0]) and lines[1] == printed[1] and lines[2].startswith("price      Energy: ")
    told = home.told("tariff", "choose", "DE*TST*E01*1", "--at", "2026-03-01", *words)
    assert (f"tariff     {told['tariff']}", f"because    {told['because']}") == tuple(printed)


PARTNERS = """
partners:
  - {country_code: NL, party_id: EMX, name: EMX, tokens: []}
"""


@pytest.mark.parametrize(
    ("words", "because"),
    [
        (("--payment", "direct_payment"), "assignment cards: payment direct_payment"),
        (("--payment", "roaming"), "assignment guests: payment roaming"),
        (("--partner", "NL*EMX"), "assignment emx: partner NL*EMX"),
        (("--partner", "NL*EMX", "--payment", "ad_hoc"), "assignment emx: partner NL*EMX"),
        (("--contract", "C-TEST"), "EVSE DE*TST*E01*1 names it"),
        (("--contract", "C-TEST", "--payment", "direct_payment"), "assignment cards: payment direct_payment"),
        ((), "EVSE DE*TST*E01*1 names it"),
    ],
)
def test_it_can_be_asked_by_payment_and_by_whom_without_a_token(home: Home, words: tuple[str, ...], because: str) -> None:
    (home.folder / "reference" / "partners.yaml").write_text(PARTNERS)
    assign(
        home,
        "id: cards, tariff: cheap, payment: direct_payment, valid_from: 2026-02-01",
        "id: guests, tariff: cheap, payment: roaming, valid_from: 2026-02-01",
        "id: emx, tariff: cheap, partner: NL*EMX, valid_from: 2026-02-01",
    )
    assert home.told("tariff", "choose", "DE*TST*E01*1", "--at", "2026-03-01", *words)["because"] == because


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--partner", "NL*EMY"), "--partner: there is no NL*EMY here"),
        (("--contract", "C-TESD"), "did you mean C-TEST?"),
        (("--contract", "C-TEST", "--token", "FF"), "name one of --token, --contract and --partner"),
        (("--contract", "C-TEST", "--payment", "roaming"), "what C-TEST pays is contract"),
    ],
)
def test_who_is_not_there_is_not_asked_for(home: Home, words: tuple[str, ...], why: str) -> None:
    done = home.run("tariff", "choose", "DE*TST*E01*1", "--at", "2026-03-01", *words)
    assert (done.exit_code, why in " ".join(done.stderr.split())) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("DE*TST*E99*1",), "evse_is_not_in_the_reference_data: no EVSE DE*TST*E99*1"),
        (("DE*TST*E01*1", "--token", "FF"), "token_belongs_to_no_contract_or_partner: nobody has this token"),
        (("DE*TST*E01*1", "--token", "BB2TBR09"), "no_tariff_in_force: tariff cheap of assignment mine"),
    ],
)
def test_why_nothing_would_be_chosen_is_told(home: Home, words: tuple[str, ...], why: str) -> None:
    assign(home, "id: mine, tariff: cheap, contract: C-TEST", valid_from="2027-01-01")
    done = home.run("tariff", "choose", *words, "--at", "2026-03-01")
    assert done.exit_code == 1
    assert why in " ".join(done.stderr.split())


def test_a_price_that_switches_shows_from_when_on_which_tariff_holds(home: Home) -> None:
    """5 kWh in an hour: half of them at 0.40, and from 10:30 on at 0.10."""
    assign(
        home,
        "id: before, tariff: by-hand, site: lab, policy: switching, valid_until: 2026-10-05T08:30:00Z",
        "id: after, tariff: cheap, site: lab, valid_from: 2026-10-05T08:30:00Z",
    )
    home.hears(event("Started", 0, 0, 0), event("Updated", 1, 30, 2500), event("Ended", 2, 60, 5000))
    lines = home.run("session", "show", "T1").stdout.splitlines()
    assert "because    assignment before: site lab, as it is in force" in lines
    [stage] = [line for line in lines if line.startswith("from ")]
    assert stage.startswith("from       2026-10-05 08:30:00 UTC on by cheap, version ")
    charge = home.told("session", "show", "T1")["rated"]
    first, second = (line["tariff_version"][:12] for line in charge["rated"]["lines"])
    reasons = [line.partition("19 %")[2].strip() for line in lines if line.startswith("ENERGY")]
    assert reasons == [
        f"element 1: always; by by-hand, version {first}, from the start on",
        f"element 1: always; by cheap, version {second}, from 2026-10-05 08:30:00 UTC on",
    ]
    assert [(line["billed"], line["unit_price"]) for line in charge["rated"]["lines"]] == [("2500", "0.40"), ("2500", "0.10")]
    assert charge["rated"]["total"] == "1.49"  # 1.25 + 19 %
    home.told("invoice", "run", "--month", "2026-10", "--issued-on", "2026-11-02")
    [invoice] = home.told("invoice", "list")
    told = " ".join(home.run("invoice", "show", invoice["number"]).stdout.split())
    assert f"10:00 – 10:30 · tariff version {first}" in told and f"10:30 – 11:00 · tariff version {second}" in told
    home.sound()
