"""A signed record, and each watt-hour of a meter, is billed in one session only."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from streams.signed.uses import SPANS, RecordUse, SignedSpans, Use, against, with_uses
from tests.streams.notation import STATION
from vocabulary.identity import SessionId
from vocabulary.quantities import WattHours
from vocabulary.signatures import Nature, RecordChecked, SignatureChecked, SignatureReason, SignedPoint, Verdict


def record(page: str, nature: Nature, wh: int, **more: Any) -> RecordChecked:
    point = SignedPoint(nature=nature, wh=WattHours(Decimal(wh)), register="1-b:1.8.0")
    told = {"digest": f"{page}-{wh}", "verdict": Verdict.VERIFIED, "reason": SignatureReason.VERIFIED, "meter": "M1"}
    return RecordChecked(**told | {"page": page, "points": (point,)} | more)  # type: ignore[arg-type]


def checked(session: str, begin: int, end: int, page: int = 1, **more: Any) -> SignatureChecked:
    told: dict[str, Any] = {
        "session": SessionId(session),
        "verdict": Verdict.VERIFIED,
        "reason": SignatureReason.VERIFIED,
        "billing": Verdict.VERIFIED,
        "meter": "M1",
        "key_fingerprint": "f",
        "register": "1-b:1.8.0",
        "begin_wh": WattHours(Decimal(begin)),
        "end_wh": WattHours(Decimal(end)),
        "records": (record(f"T{page}", Nature.BEGIN, begin), record(f"T{page + 1}", Nature.END, end)),
    }
    return SignatureChecked(**told | more)


def kept(*sessions: SignatureChecked) -> dict[str, Use]:
    known: dict[str, Use] = {}
    for each in sessions:
        known |= with_uses(STATION, each, known.get)
    return known


def told(known: dict[str, Use], new: SignatureChecked, dropped: tuple[str, ...] = ()) -> str:
    doubt = against(STATION, new, known.get, lambda session: session in dropped)
    return doubt.detail if doubt else ""


A = checked("A", 1000, 5000, 1)


def test_one_session_after_the_other_is_billed_and_may_be_concluded_again() -> None:
    known = kept(A)
    assert told(known, A) == ""
    assert told(known, checked("B", 5000, 9000, 3)) == ""
    assert with_uses(STATION, A, known.get) == {}, "nothing new"


@pytest.mark.parametrize(
    ("new", "detail"),
    [
        (checked("B", 1000, 5000, 1), "the same record was used by session A"),
        (checked("B", 6000, 9000, 1), "another record of the same pagination was used by session A"),
        (checked("B", 3000, 8000, 7), "1000 to 5000 Wh of the meter are billed by session A"),
        (checked("B", 2000, 3000, 7), "1000 to 5000 Wh of the meter are billed by session A"),
        (checked("B", 0, 9000, 7), "1000 to 5000 Wh of the meter are billed by session A"),
        (checked("B", 3000, 8000, 7, register="01-0b:01.08.00.FF"), "1000 to 5000 Wh of the meter are billed by session A"),
    ],
)
def test_what_another_session_is_billed_by_is_refused(new: SignatureChecked, detail: str) -> None:
    assert told(kept(A), new) == detail
    assert told(kept(A), new, dropped=("A",)) == "", "unless that one was dropped"


@pytest.mark.parametrize(
    "other",
    [
        {"meter": "M2", "key_fingerprint": "g", "records": ()},
        {"register": "1-b:98.8.0", "records": ()},
        {"register": "128.8.0", "records": ()},
        {"billing": Verdict.FAILED},
        {"billing": Verdict.UNVERIFIABLE},
    ],
)
def test_another_meter_another_register_and_what_is_not_billed_take_nothing(other: dict[str, Any]) -> None:
    assert told(kept(structs.replace(A, **other)), checked("B", 3000, 8000, 7)) == ""


def test_no_energy_shares_none() -> None:
    assert told(kept(A), checked("B", 3000, 3000, 7)) == ""


def test_a_reading_in_between_is_no_use_of_its_own() -> None:
    between = structs.replace(A, records=(*A.records, record("T9", Nature.INTERMEDIATE, 3000)))
    assert sum(isinstance(use, RecordUse) for use in kept(between).values()) == 2


def test_records_without_a_number_are_known_by_what_was_signed() -> None:
    bare = [structs.replace(each, page="") for each in A.records]
    known = kept(structs.replace(A, records=tuple(bare), register="128.8.0"))
    again = structs.replace(checked("B", 1000, 5000), records=tuple(bare), register="128.8.0")
    assert told(known, again) == "the same record was used by session A"


def test_the_newest_spans_are_kept() -> None:
    known = kept(*(checked(str(n), n * 10, n * 10 + 10, 2 * n) for n in range(SPANS + 5)))
    [spans] = [use for use in known.values() if isinstance(use, SignedSpans)]
    assert [spans.spans[0].session, len(spans.spans)] == ["5", SPANS]
