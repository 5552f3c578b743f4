"""What a session's signed values do to its bill: the energy that is billed, and what holds the amount.

verified pair      its difference is billed, whatever the messages tell; doubts about their energy fall away
failed             held, wherever signatures are not ignored
unverifiable       held where a key of the meter is registered or signatures are required
required, and      a price for time needs a clock that the meter vouches for; a price that changes in between needs a
verified           signed reading at the change: else the amount waits for a person
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from msgspec import UNSET, structs

from streams import first_signatures
from streams.plausibility import Judged, judge
from streams.signed import billed, verdicts
from streams.untimed import otherwise
from vocabulary.money import plain
from vocabulary.rated import Rated
from vocabulary.reference import Evse, plain_evse_id
from vocabulary.sessions import ChargingSession, Doubt, Finding, doubts_of
from vocabulary.signatures import KeyClaim, SignatureChecked
from vocabulary.tariff import Dimension

_OF_ENERGY = frozenset(  # doubts about what the messages tell of the energy: the meter's own word settles them
    {
        Finding.REGISTER_FELL,
        Finding.UNITS_CONTRADICT,
        Finding.UNIT_IMPLAUSIBLE,
        Finding.ENERGY_IMPLAUSIBLE,
        Finding.BEGIN_PLACEHOLDER,
        Finding.REGISTER_RESET,
        Finding.UNIT_TOO_LOW,
    }
)
_APART, _APART_WH = Decimal("0.1"), Decimal(100)  # of the greater energy; more is no loss of a cable or a rectifier
_OF_TIME = (Dimension.TIME, Dimension.PARKING_TIME)
_LASTS_APART_S = 60  # a station tells its end a little before or after its meter
_AT_ONCE = timedelta(seconds=2)  # two readings so near leave no time for a change of price


class Proof(NamedTuple):
    """`is_billed`: the signed pair is, not what the messages tell. `hold`: why the amount is held."""

    checked: SignatureChecked
    hold: tuple[Finding, str] | None = None
    is_billed: bool = False
    is_required: bool = False


def proof_of(session: ChargingSession, evse: Evse, names: Sequence[str]) -> Proof:
    """Of a closed session, before anything is made of its energy. `names`: of its holder's contract."""
    checked = verdicts.check_session(session, evse, names)
    if session.swap is not UNSET or evse.signatures == "ignored":  # the energy of a swap is not the meter's
        return Proof(checked)
    hold = _far_apart(session, checked) if billed.is_pair(checked) else verdicts.hold(checked, evse)
    return Proof(checked, hold, billed.is_pair(checked), evse.signatures == "required")


def _far_apart(session: ChargingSession, checked: SignatureChecked) -> tuple[Finding, str] | None:
    """A genuine pair may be of another session, long before we knew its meter; two places of one cable tell nearly the same."""
    apart_wh, signed_wh = billed.differs_by(session, checked), billed.signed_wh(checked)
    greater_wh = Decimal(max(session.energy_wh, signed_wh))
    if apart_wh <= max(_APART_WH, _APART * greater_wh):
        return None
    return Finding.SIGNED_ENERGY_DIFFERS, f"signed {plain(signed_wh)} Wh, messages {plain(session.energy_wh)} Wh"


def first_proof(session: ChargingSession, evse: Evse) -> Proof:
    """By rules before 6: the signed pair is compared with the energy that is billed."""
    checked = first_signatures.check(session, evse)
    return Proof(checked, None if session.swap is not UNSET else first_signatures.hold(checked, session, evse))


def proven(session: ChargingSession, proof: Proof, power_w_max: int, waived: Collection[Finding]) -> Judged:
    """The session with the energy that its meter signed. No EVSE delivers more than it can, whoever signs it."""
    settled = tuple(doubt for doubt in doubts_of(session) if doubt.finding not in _OF_ENERGY)
    signed = structs.replace(billed.as_signed(session, proof.checked), doubts=settled or UNSET)
    judged = judge(signed, power_w_max, waived)
    if judged.session.energy_wh != signed.energy_wh:  # a begin of 0 that was signed is no placeholder
        told = f"{signed.energy_wh} Wh are signed"
        judged = Judged(signed, settled, Doubt(finding=Finding.ENERGY_IMPLAUSIBLE, detail=told))
    return judged


def noticed(session: ChargingSession, proof: Proof, evse: Evse) -> Iterator[Doubt]:
    """What informs: another energy in the messages than the one that is billed, another EVSE or key than the registered one."""
    if proof.checked.place and plain_evse_id(proof.checked.place) != plain_evse_id(evse.evse_id):
        yield Doubt(finding=Finding.SIGNED_PLACE_DIFFERS, detail=proof.checked.place)
    if proof.is_billed:
        signed_wh = billed.signed_wh(proof.checked)
        is_held = proof.hold is not None and proof.hold[0] is Finding.SIGNED_ENERGY_DIFFERS
        if not is_held and billed.differs_by(session, proof.checked) > billed.TOLERANCE_WH:
            told = f"signed {plain(signed_wh)} Wh, messages {plain(session.energy_wh)} Wh"
            yield Doubt(finding=Finding.SIGNED_ENERGY_BILLED, detail=told)
    if proof.checked.claims_other_key:
        other = next(r.claimed_fingerprint for r in proof.checked.records if r.claim is KeyClaim.OTHER)
        yield Doubt(finding=Finding.KEY_CLAIM_DIFFERS, detail=f"key {other[:16]}")


def doubts_about_time(
    session: ChargingSession, proof: Proof, cost: Rated, price: Callable[[ChargingSession], Rated], is_timed: bool
) -> Iterator[Doubt]:
    """Where signatures are required, whether the meter vouches for what the price takes from the time."""
    if not proof.is_billed or not proof.is_required:
        return
    timed = [line for line in cost.lines if line.dimension in _OF_TIME and not line.reserved and line.unit_price]
    if timed and not billed.vouches_for_time(proof.checked):
        clocks = f"begin {proof.checked.begin_clock}, end {proof.checked.end_clock}"
        yield Doubt(finding=Finding.SIGNED_CLOCK_UNTRUSTED, detail=f"{timed[0].dimension} has a price; clock: {clocks}")
    elif timed and (apart_s := billed.lasts_apart_s(session, proof.checked)) > _LASTS_APART_S:
        told = f"{timed[0].dimension} has a price; by the meter it lasted {apart_s} s less or more than by the station"
        yield Doubt(finding=Finding.SIGNED_CLOCK_UNTRUSTED, detail=told)
    if is_timed:
        alone = billed.signed_alone(session, proof.checked)
        totals = {price(each).total for each in otherwise(alone, _AT_ONCE, len(alone.readings))} | {cost.total}
        if len(totals) > 1:
            told = f"{min(totals)} to {max(totals)} {cost.currency} by when the energy came between signed readings"
            yield Doubt(finding=Finding.SIGNED_INTERMEDIATE_MISSING, detail=told)
