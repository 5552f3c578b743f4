"""Which tariff a session is priced by, as a tariff manager writes it down and reads it back.

assign  NAME  tariff T  [token A] [contract C1] [partner NL*EMS] [evse 1] [site kai] [payment contract]
        [days MONDAY,TUESDAY] [from 22:00] [to 06:00] [since 2026-10-05T22:00] [until ...] [switching]
a session by a contract's token A or a partner's token P, at EVSE 1 or 2 of the site kai, when it begins (UTC)
"""

from datetime import UTC, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, structs

from streams.assignment import Asked, Chosen, choose, tariff_at
from streams.catalogue import changes_the_past
from streams.rating import conclude, running_cost
from tests.streams.material import LONG_AGO, catalogue, contract, everything, evse, operator, partner, site, tariff
from tests.streams.test_gate import found, rated, session
from vocabulary.assignment import Assignment, PaymentKind, PricePolicy, TariffAssigned, meet, weight
from vocabulary.codec import ReferenceFact, decode, encode, version_hash
from vocabulary.identity import ContractId, PartnerId, TariffId, TokenUid
from vocabulary.money import Currency
from vocabulary.reference import Contract
from vocabulary.rules import PERSONS
from vocabulary.sessions import ChargingSession, Doubt, Finding, Quality, SessionRated
from vocabulary.tariff import Dimension, PriceComponent, Weekday

NAMES = ("day", "own", "fleet", "night", "site", "evse", "card", "base", "later")
TARIFFS = tuple(tariff(f"0.{number}", name=name) for number, name in enumerate(NAMES, start=30))
WORLD: tuple[ReferenceFact, ...] = (operator(), site(), contract(), partner(), *TARIFFS)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def assign(text: str) -> TariffAssigned:
    """An assignment in the words above."""
    words = [word for word in text.split() if word != "switching"]
    switches = "switching" in text.split()
    told = dict(zip(words[1::2], words[2::2], strict=False))
    evse_id = f"DE*ABC*E{told['evse']}" if "evse" in told else None
    return TariffAssigned(
        assignment=Assignment(
            id=words[0],
            tariff=TariffId(told["tariff"]),
            token=TokenUid(told["token"]) if "token" in told else None,
            contract=ContractId(told["contract"]) if "contract" in told else None,
            partner=PartnerId(told["partner"]) if "partner" in told else None,
            evse=evse_id,
            site=told.get("site"),
            payment=PaymentKind(told["payment"]) if "payment" in told else None,
            weekdays=tuple(Weekday(day) for day in told["days"].split(",")) if "days" in told else (),
            start_time=time.fromisoformat(told["from"]) if "from" in told else None,
            end_time=time.fromisoformat(told["to"]) if "to" in told else None,
            policy=PricePolicy.SWITCHING if switches else PricePolicy.GUARANTEED,
        ),
        valid_from=instant(told["since"]) if "since" in told else LONG_AGO,
        valid_until=instant(told["until"]) if "until" in told else UNSET,
    )


def charged(
    token: str = "A", number: int = 1, begins: str = "2026-10-05T22:30", token_type: str | None = None
) -> ChargingSession:
    """An hour's session."""
    start = instant(begins)
    moved = start - session(token, number).start
    told = session(token, number)
    return structs.replace(
        told,
        start=start,
        end=told.end + moved,
        token_type=token_type,
        readings=tuple(structs.replace(reading, at=reading.at + moved) for reading in told.readings),
        stretches=tuple(structs.replace(one, start=one.start + moved, end=one.end + moved) for one in told.stretches),
    )


def chosen(one: ChargingSession, *facts: ReferenceFact) -> Chosen | Doubt:
    known = catalogue(*facts)
    plug = known.plug(one.station, one.evse, one.start)
    assert plug is not None and one.token is not None
    holder = known.holder(one.token, one.start)
    assert holder is not None
    return choose(one, plug, holder, known)


def price(one: ChargingSession, *facts: ReferenceFact) -> str:
    """The tariff by which it is priced, or the finding."""
    answer = chosen(one, *WORLD, *facts)
    return answer.tariff.id if isinstance(answer, Chosen) else answer.finding.name


# The decision table: the more specific counts, whatever else holds


@pytest.mark.parametrize(
    ("assigned", "token", "number", "tariff_id"),
    [
        #  what is assigned                                              whose, where    what it costs by
        ([], "A", 1, "day"),
        (["all tariff base"], "A", 1, "base"),
        (["all tariff base", "here tariff site site kai"], "A", 1, "site"),
        (["here tariff site site kai", "plug tariff evse evse 1"], "A", 1, "evse"),
        (["here tariff site site kai", "plug tariff evse evse 1"], "A", 2, "site"),
        (["plug tariff evse evse 1", "c tariff own contract C1"], "A", 1, "own"),
        (["plug tariff evse evse 1", "c tariff own contract C1"], "P", 1, "evse"),
        (["c tariff own contract C1", "c-here tariff fleet contract C1 site kai"], "A", 1, "fleet"),
        (["c tariff own contract C1", "card tariff card token A"], "A", 1, "card"),
        (["c tariff own contract C1", "card tariff card token a"], "A", 1, "card"),
        (["c-here tariff own contract C1 evse 1", "card tariff card token A"], "A", 1, "card"),
        (["p tariff own partner NL*EMS", "here tariff site site kai"], "P", 1, "own"),
        (["p tariff own partner NL*EMS", "here tariff site site kai"], "A", 1, "site"),
        (["r tariff own payment roaming", "all tariff base"], "P", 1, "own"),
        (["r tariff own payment roaming", "all tariff base"], "A", 1, "base"),
        (["r tariff own payment roaming", "here tariff site site kai"], "P", 1, "site"),
        (["r tariff own payment roaming site kai", "here tariff site site kai"], "P", 1, "own"),
        (["c tariff own payment contract", "r tariff site payment roaming"], "A", 1, "own"),
        (["n tariff night from 22:00 to 06:00", "all tariff base"], "A", 1, "night"),  # 00:30 in Hamburg
        (["n tariff night from 22:00 to 06:00", "r tariff own payment contract"], "A", 1, "own"),
        (["n tariff night payment contract from 22:00 to 06:00", "r tariff own payment contract"], "A", 1, "night"),
        (["tu tariff night days TUESDAY", "all tariff base"], "A", 1, "night"),  # Monday in UTC, Tuesday in Hamburg
        (["mo tariff night days MONDAY", "all tariff base"], "A", 1, "base"),
        (["other tariff fleet contract C2", "elsewhere tariff site site quay", "plug tariff evse evse 2"], "A", 1, "day"),
    ],
)
def test_the_most_specific_assignment_counts(assigned: list[str], token: str, number: int, tariff_id: str) -> None:
    facts = [assign(text) for text in assigned]
    assert price(charged(token, number), *facts) == tariff_id
    assert price(charged(token, number), *reversed(facts)) == tariff_id, "in whatever order they were published"


@pytest.mark.parametrize(
    ("token_type", "paid_by"),
    [(None, "contract"), ("ISO14443", "contract"), ("DirectPayment", "direct_payment"), ("NoAuthorization", "ad_hoc")],
)
def test_how_a_session_is_paid_is_told_by_its_token(token_type: str | None, paid_by: str) -> None:
    kinds = [assign(f"{kind} tariff {name} payment {kind}") for kind, name in zip(PaymentKind, NAMES[1:], strict=False)]
    expected = next(one.assignment.tariff for one in kinds if one.assignment.payment == paid_by)
    assert price(charged(token_type=token_type), *kinds) == expected


def test_a_holders_own_tariff_comes_after_every_assignment_and_before_the_evses() -> None:
    own = contract(tariff=TariffId("own"))
    assert price(charged(), own) == "own"
    assert price(charged(), own, assign("all tariff base")) == "base"
    assert price(charged("P"), partner(tariff=TariffId("fleet"))) == "fleet"


def test_an_evse_need_not_name_a_tariff() -> None:
    without = site(evse(1, tariff=None), evse(2))
    assert price(charged(), without, assign("here tariff site site kai")) == "site"
    answer = chosen(charged(), *WORLD, without)
    assert answer == Doubt(finding=Finding.TARIFF_MISSING, detail="no tariff is assigned")


# In time


@pytest.mark.parametrize(
    ("begins", "tariff_id"),
    [
        ("2026-10-05T21:59:59", "day"),
        ("2026-10-05T22:00", "fleet"),
        ("2026-11-04T22:59:59", "fleet"),
        ("2026-11-04T23:00", "day"),
    ],
)
def test_an_assignment_is_in_force_from_its_first_instant_until_before_its_last(begins: str, tariff_id: str) -> None:
    assert (
        price(charged(begins=begins), assign("c tariff fleet contract C1 since 2026-10-05T22:00 until 2026-11-04T23:00"))
        == tariff_id
    )


def test_a_later_version_of_an_assignment_replaces_the_earlier_one() -> None:
    first, second = assign("c tariff fleet contract C1"), assign("c tariff own contract C1 site kai since 2026-10-06T00:00")
    assert [price(charged(begins=f"2026-10-0{day}T10:00"), first, second) for day in (5, 6)] == ["fleet", "own"]
    moved = assign("c tariff own contract C2 since 2026-10-06T00:00")
    assert [price(charged(begins=f"2026-10-0{day}T10:00"), first, moved) for day in (5, 6)] == ["fleet", "day"]


def test_a_tariff_is_in_force_until_its_end() -> None:
    ends = structs.replace(tariff(name="fleet"), valid_until=instant("2026-10-06T00:00"))
    facts = (ends, assign("c tariff fleet contract C1"))
    assert [price(charged(begins=f"2026-10-{day}"), *facts) for day in ("05T23:59:59", "06T00:00")] == [
        "fleet",
        "TARIFF_MISSING",
    ]


def test_a_later_version_of_a_tariff_counts_though_the_earlier_has_no_end_or_a_later_one() -> None:
    first = structs.replace(tariff("0.10", name="fleet"), valid_until=instant("2026-12-01T00:00"))
    second = structs.replace(tariff("0.20", name="fleet", valid_from=instant("2026-11-01T00:00")))
    known = catalogue(*WORLD, first, second)
    assert [
        known.tariff(TariffId("fleet"), instant(at)) for at in ("2026-10-31T23:00", "2026-11-02T00:00", "2026-12-02T00:00")
    ] == [
        first.tariff,
        second.tariff,
        second.tariff,
    ]


def test_a_tariff_that_is_not_in_force_is_a_finding_and_no_less_specific_one_takes_its_place() -> None:
    later = tariff(name="soon", valid_from=instant("2027-01-01T00:00"))
    facts = (*WORLD, later, assign("c tariff soon contract C1"), assign("all tariff base"))
    assert chosen(charged(), *facts) == Doubt(finding=Finding.TARIFF_MISSING, detail="tariff soon of assignment c")
    assert found(charged(), *facts) == "TARIFF_MISSING"
    assert running_cost(charged(), catalogue(*facts)) is None, "no price, which is not a free one"


def test_a_free_tariff_is_published_as_one() -> None:
    free = rated(charged(), *WORLD, tariff("0", name="free"), assign("c tariff free contract C1"))
    assert (free.rated.total, free.tariff) == (Decimal("0.00"), "free")


@pytest.mark.parametrize(
    ("begins", "tariff_id"),
    [
        #  Hamburg puts its clocks back at 01:00 UTC: 02:00 to 03:00 is there twice
        ("2026-10-24T23:59", "day"),  # 01:59
        ("2026-10-25T00:00", "night"),  # 02:00, in summer
        ("2026-10-25T01:30", "night"),  # 02:30, in winter
        ("2026-10-25T01:59", "night"),
        ("2026-10-25T02:00", "day"),  # 03:00
        #  and forward on 28 March at 01:00 UTC: 02:00 to 03:00 is not there
        ("2027-03-28T00:59", "day"),  # 01:59
        ("2027-03-28T01:00", "day"),  # 03:00
    ],
)
def test_times_of_day_are_the_sites_also_where_clocks_change(begins: str, tariff_id: str) -> None:
    assert price(charged(begins=begins), assign("n tariff night from 02:00 to 03:00")) == tariff_id


# Guaranteed or switching


def test_a_price_is_guaranteed_for_the_session_whatever_comes_into_force_meanwhile() -> None:
    facts = (
        assign("c tariff fleet contract C1 until 2026-10-05T23:00"),
        tariff("9", valid_from=instant("2026-10-05T23:00"), name="fleet"),
    )
    answer = chosen(charged(), *WORLD, *facts)
    assert isinstance(answer, Chosen)
    assert [(at, one.id) for at, one in answer.schedule] == [(charged().start, "fleet")]
    assert answer.choice.then == ()


def test_a_switching_price_follows_what_comes_into_force_from_that_instant_on() -> None:
    bound = instant("2026-10-05T23:00")
    dear = tariff("0.99", valid_from=bound, name="fleet")
    answer = chosen(charged(), *WORLD, dear, assign("c tariff fleet contract C1 switching"))
    assert isinstance(answer, Chosen)
    assert [at for at, _ in answer.schedule] == [charged().start, bound]
    assert answer.schedule[1][1] == dear.tariff
    [stage] = answer.choice.then
    assert (stage.since, stage.tariff, stage.version) == (bound, "fleet", version_hash(dear.tariff))


def test_a_switching_price_may_come_to_another_assignment_and_bounds_that_change_nothing_are_left_out() -> None:
    facts = (
        assign("c tariff fleet contract C1 switching until 2026-10-05T23:10"),
        assign("all tariff base"),
        assign("elsewhere tariff site site quay since 2026-10-05T22:40"),
    )
    answer = chosen(charged(), *WORLD, *facts)
    assert isinstance(answer, Chosen)
    assert [(f"{at:%H:%M}", one.id) for at, one in answer.schedule] == [("22:30", "fleet"), ("23:10", "base")]


def test_a_switching_price_with_a_hole_is_a_finding() -> None:
    ends = structs.replace(tariff(name="fleet"), valid_until=instant("2026-10-05T23:00"))
    answer = chosen(charged(), *WORLD, ends, assign("c tariff fleet contract C1 switching"))
    assert isinstance(answer, Doubt) and answer.finding is Finding.TARIFF_MISSING
    assert answer.detail == "none from 2026-10-05T23:00:00+00:00 on, by assignment c"


def test_a_switching_price_keeps_to_one_currency() -> None:
    francs = structs.replace(tariff(name="fleet", valid_from=instant("2026-10-05T23:00")))
    francs = structs.replace(francs, tariff=structs.replace(francs.tariff, currency=Currency("CHF")))
    answer = chosen(charged(), *WORLD, francs, assign("c tariff fleet contract C1 switching"))
    assert answer == Doubt(
        finding=Finding.TARIFF_MISSING, detail="none in EUR from 2026-10-05T23:00:00+00:00 on, by assignment c"
    )


def test_each_part_of_a_session_has_the_price_that_was_in_force_then() -> None:
    """5 kWh in an hour, evenly: half of it at 0.32, half at 1.00 from 23:00 on."""
    dear = tariff("1.00", valid_from=instant("2026-10-05T23:00"), name="fleet")
    facts = (*WORLD, dear, assign("c tariff fleet contract C1 switching"))
    charge = rated(session(), *facts)
    told = [(str(line.billed), str(line.unit_price), line.tariff_version) for line in charge.rated.lines]
    cheap = next(fact.tariff for fact in TARIFFS if fact.tariff.id == "fleet")
    assert told == [("2500", "0.32", version_hash(cheap)), ("2500", "1.00", version_hash(dear.tariff))]
    assert charge.rated.total == Decimal("3.93")  # 3.30 + 19 %
    assert charge.chosen is not None and charge.chosen.policy == "switching"
    assert charge.tariff_version == version_hash(cheap), "that of the start"
    cost = running_cost(session(), catalogue(*facts))
    assert cost is not None and cost.total == charge.rated.total


def test_a_price_that_switches_depends_on_the_clock_and_on_what_is_between() -> None:
    dear = tariff("1.00", valid_from=instant("2026-10-05T23:00"), name="fleet")
    facts = (*WORLD, dear, assign("c tariff fleet contract C1 switching"))
    doubtful = structs.replace(session(), doubts=(Doubt(finding=Finding.CLOCK_UNTRUSTED, detail=""),))
    assert found(doubtful, *facts) == "CLOCK_UNTRUSTED"
    with_a_gap = structs.replace(session(), quality=Quality.GAP)
    assert rated(with_a_gap, *facts).held is Finding.MESSAGES_MISSING
    assert rated(with_a_gap, *WORLD).held is None


def test_vat_of_another_country_may_not_come_in_while_a_session_goes_on() -> None:
    abroad = tariff(valid_from=instant("2026-10-05T23:00"), name="fleet", vat="7")
    assert found(session(), *WORLD, abroad, assign("c tariff fleet contract C1 switching")) == "VAT_UNFIT"


# What is kept of it


@pytest.mark.parametrize(
    ("facts", "assignment", "reason"),
    [
        ((), None, "EVSE DE*ABC*E1 names it"),
        ((contract(tariff=TariffId("own")),), None, "contract C1 names it"),
        ((assign("all tariff base"),), "all", "assignment all: every session"),
        (
            (assign("x tariff base token A contract C1 site kai days TUESDAY from 22:00"),),
            "x",
            "assignment x: its token; contract C1; site kai; TUESDAY; 22:00-24:00",
        ),
    ],
)
def test_a_charge_says_why_it_has_its_tariff_and_names_no_token(
    facts: tuple[ReferenceFact, ...], assignment: str | None, reason: str
) -> None:
    charge = rated(charged(begins="2026-10-06T20:30"), *WORLD, *facts)
    assert charge.chosen is not None
    assert (charge.chosen.assignment, charge.chosen.reason, charge.chosen.policy) == (assignment, reason, "guaranteed")
    assert decode(encode(charge)) == charge


def test_a_home_of_older_rules_keeps_charges_as_they_were() -> None:
    older = structs.replace(catalogue(*everything()), rules=PERSONS)
    last = conclude(session(), older)[-1]
    assert isinstance(last, SessionRated) and last.chosen is None
    assert b"chosen" not in encode(last)
    assert b'"chosen":{"reason":"EVSE DE*ABC*E1 names it"}' in encode(rated(session(), *everything()))


def test_an_assignment_abroad_may_not_bring_the_vat_of_home() -> None:
    other_vat = tariff(name="own", vat="7")
    assert found(session(), *WORLD, other_vat, assign("c tariff own contract C1")) == "VAT_UNFIT"
    assert found(session(), *WORLD, other_vat, assign("here tariff own site kai")) == "", "it was assigned to the place"
    both = (assign("c tariff own contract C1"), assign("here tariff own site kai"))
    assert found(session(), *WORLD, other_vat, *both) == ""


@pytest.mark.parametrize(
    ("assigned", "finding"),
    [
        (["all tariff base"], ""),
        (["n tariff night from 22:00 to 06:00", "c tariff own contract C1"], ""),  # whenever it was: the contract's
        (["n tariff night from 22:00 to 06:00", "all tariff base"], "CLOCK_UNTRUSTED"),
        (
            ["n tariff night from 06:00 to 22:00", "all tariff base"],
            "CLOCK_UNTRUSTED",
        ),  # not at this time, perhaps at the right one
        (["n tariff night days SUNDAY"], "CLOCK_UNTRUSTED"),
    ],
)
def test_a_clock_that_is_not_trusted_chooses_no_tariff_by_the_time(assigned: list[str], finding: str) -> None:
    doubtful = structs.replace(session(), doubts=(Doubt(finding=Finding.CLOCK_UNTRUSTED, detail=""),))
    assert found(doubtful, *WORLD, *map(assign, assigned)) == finding


def test_an_assignment_that_is_changed_for_a_time_that_is_over_is_told() -> None:
    now = instant("2026-12-01T00:00")
    known = catalogue(*WORLD, assign("c tariff fleet contract C1"))
    assert not changes_the_past(known, assign("c tariff fleet contract C1"), now)
    assert changes_the_past(known, assign("c tariff own contract C1"), now)
    assert changes_the_past(known, assign("c tariff fleet contract C1 until 2027-01-01T00:00"), now)
    assert not changes_the_past(known, assign("c tariff own contract C1 since 2027-01-01T00:00"), now)


def test_running_costs_are_by_the_same_choice() -> None:
    facts = (*WORLD, assign("c tariff fleet contract C1"))
    cost = running_cost(charged(), catalogue(*facts))
    assert cost is not None and cost.total == rated(charged(), *facts).rated.total == Decimal("1.90")


def test_facts_survive_their_bytes() -> None:
    fact = assign("x tariff base token A site kai days MONDAY from 22:00 to 06:00 until 2026-10-06T00:00 switching")
    assert decode(encode(fact)) == fact


# Any assignments

HOLDERS = ("contract C1", "contract C2", "partner NL*EMS", "")
PARTS = st.tuples(
    st.sampled_from(["token A", "token P", "token B", ""]),
    st.sampled_from(HOLDERS),
    st.sampled_from(["evse 1", "evse 2", ""]),
    st.sampled_from(["site kai", "site quay", ""]),
    st.sampled_from(["payment contract", "payment roaming", ""]),
    st.sampled_from(["from 22:00 to 06:00", "from 06:00 to 22:00", "days MONDAY", "days TUESDAY,SUNDAY", ""]),
    st.sampled_from(["until 2026-10-01T00:00", "since 2026-10-06T00:00", ""]),
)


def holds(words: tuple[str, ...], token: str) -> bool:
    """Written anew: what may be said of a session of token A (contract C1) or P (partner), at EVSE 1 of kai, Tuesday 00:30."""
    by = {"A": ("token A", "contract C1", "payment contract"), "P": ("token P", "partner NL*EMS", "payment roaming")}[token]
    true = {"", "evse 1", "site kai", "from 22:00 to 06:00", "days TUESDAY,SUNDAY", *by}
    return all(word in true for word in words)


@given(st.lists(PARTS, max_size=12), st.sampled_from("AP"))
def test_the_chosen_one_holds_and_no_more_specific_one_does(parts: list[tuple[str, ...]], token: str) -> None:
    facts = [assign(" ".join([f"n{n} tariff {NAMES[n % 9]}", *filter(None, words)])) for n, words in enumerate(parts)]
    answer = chosen(charged(token), *WORLD, *facts)
    assert isinstance(answer, Chosen)
    holding = {fact.assignment.id: fact.assignment for fact, words in zip(facts, parts, strict=True) if holds(words, token)}
    if not holding:
        assert answer.choice.assignment is None and answer.tariff.id == "day"
        return
    assert answer.choice.assignment in holding
    most = max(
        tuple(map(bool, (words[0], words[1], words[2], words[3], words[4], words[5]))) for words in parts if holds(words, token)
    )
    place = [words for n, words in enumerate(parts) if f"n{n}" == answer.choice.assignment]
    assert tuple(map(bool, place[0][:6])) == most


@given(PARTS, PARTS)
def test_what_is_equally_specific_for_one_session_meets_in_time(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """So that what publishing refuses is all that could tie."""
    first, second = (assign(" ".join(["n tariff day", *filter(None, words)])).assignment for words in (one, other))
    if holds(one, "A") and holds(other, "A") and weight(first) == weight(second):
        assert one[:5] == other[:5]
        assert meet(first, second)


def test_the_price_that_is_asked_for_before_a_session_is_by_the_same_choice() -> None:
    known = catalogue(*WORLD, assign("c tariff fleet contract C1"))
    at = instant("2026-10-05T22:30")
    plug = known.plug(session().station, 1, at)
    holder = known.holder(TokenUid("A"), at)
    assert plug is not None and isinstance(holder, Contract)
    found = tariff_at(Asked(plug, holder, at, TokenUid("A")), at, known)
    assert found is not None and found.id == "fleet"


@pytest.mark.parametrize(("vat", "finding"), [("19", ""), (None, ""), ("7", "VAT_UNFIT")])
def test_what_is_fed_back_may_bear_the_vat_of_the_place_or_none(vat: str | None, finding: str) -> None:
    """None: whoever sells the energy owes no VAT here, or owes it himself."""
    own = tariff(name="own")
    fed_back = PriceComponent(
        dimension=Dimension.ENERGY_EXPORT, price=Decimal("0.20"), vat_percent=None if vat is None else Decimal(vat)
    )
    [element] = own.tariff.elements
    both_ways = structs.replace(element, components=(*element.components, fed_back))
    own = structs.replace(own, tariff=structs.replace(own.tariff, elements=(both_ways,)))
    assert found(session(), *WORLD, own, assign("c tariff own contract C1")) == finding
