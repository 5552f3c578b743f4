"""What holds for every tariff: it can be written, comes back from its own format as it was, or the loss is told; and for any
body at all: it is a tariff or is refused in words.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

from ingest.schema import violation
from tariffs.authored import authored
from tariffs.exporting import export
from tariffs.importing import read_tariffs
from tariffs.losses import Exported, ExportRefused
from tariffs.tariff_fields import TariffRefused
from tests.tariffs import dialect_strategies as drawn
from vocabulary.charging import Protocol
from vocabulary.codec import decode, encode
from vocabulary.tariff import Dimension, PriceComponent, Profile, Reservation, Tariff, TariffElement, TariffPublished, taxes_of

OWNER: dict[str, Any] = {"country_code": "DE", "party_id": "ABC", "last_updated": datetime(2026, 1, 2, tzinfo=UTC)}
_NUMBERS = msgspec.json.Encoder(decimal_format="number")


def again(document: dict[str, Any]) -> TariffPublished:
    (read,) = read_tariffs(_NUMBERS.encode(document))
    return read.published


@given(drawn.ANY)
def test_a_tariff_comes_back_as_it_was_from_what_its_author_would_write(published):
    assert again(authored(published)) == published
    assert encode(again(authored(published))) == encode(published)


@given(st.one_of(drawn.ANY, drawn.ANY.map(drawn.fitting)))
def test_a_tariff_comes_back_from_its_own_format_or_the_loss_is_told(published):
    exported = export(published, published.tariff.profile, **OWNER, allow_losses=True)
    assert exported.losses or canonical(again(exported.document)) == canonical(published)


@given(drawn.ANY, st.sampled_from(Profile))
def test_what_is_exported_can_be_read_in_its_format_and_exported_again_as_it_is(published, wanted):
    document = export(published, wanted, **OWNER, allow_losses=True).document
    read = again(document)
    assert read.tariff.profile is wanted
    assert export(read, wanted, **OWNER) == Exported(document=document, losses=())


@given(drawn.ANY, st.sampled_from(Profile))
def test_a_loss_that_changes_the_price_is_refused_unless_it_is_allowed(published, wanted):
    allowed = export(published, wanted, **OWNER, allow_losses=True)
    if not any(loss.changes_price for loss in allowed.losses):
        assert export(published, wanted, **OWNER) == allowed
        return
    with pytest.raises(ExportRefused) as refused:
        export(published, wanted, **OWNER)
    assert refused.value.losses == allowed.losses


@given(drawn.ANY)
def test_what_a_station_is_given_obeys_the_schema(published):
    document = export(published, Profile.OCPP_2_1, **OWNER, allow_losses=True).document
    payload = _NUMBERS.encode({"evseId": 0, "tariff": document}).decode()
    assert violation(Protocol.OCPP21, "SetDefaultTariff", payload, is_answer=False) is None


@given(drawn.ANY)
def test_a_published_tariff_of_any_dialect_survives_the_log(published):
    assert decode(encode(published)) == published


def canonical(published: TariffPublished) -> TariffPublished:
    """The same prices as its format gives them: per hour, with their taxes by name; what says nothing is left out."""
    tariff = published.tariff
    elements = _by_field(tariff) if tariff.profile is Profile.OCPP_2_1 else tariff.elements
    made = tuple(structs.replace(e, components=tuple(_plain(part, tariff.profile) for part in e.components)) for e in elements)
    return structs.replace(published, tariff=structs.replace(tariff, elements=made))


def _plain(part: PriceComponent, profile: Profile) -> PriceComponent:
    """A flat price has no step; OCPP has none that is smaller than what is measured."""
    is_without_step = part.dimension is Dimension.FLAT or (profile is Profile.OCPP_2_1 and part.step_size == 1)
    taxes = taxes_of(part)
    return structs.replace(
        part,
        price=part.price * 60 if part.per_minute else part.price,
        per_minute=False,
        vat_percent=None,
        taxes=taxes if len(taxes) != 1 or profile is Profile.OCPP_2_1 else (structs.replace(taxes[0], stack=None),),
        step_size=0 if is_without_step else part.step_size,
    )


def _by_field(tariff: Tariff) -> tuple[TariffElement, ...]:
    """One price each, in the order of the fields of a TariffType."""
    charged = [(dimension, None) for dimension in (Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME, Dimension.FLAT)]
    reserved = [(dimension, Reservation.RESERVATION) for dimension in (Dimension.TIME, Dimension.FLAT)]
    return tuple(
        structs.replace(element, components=(part,))
        for kind in (*charged, *reserved)
        for element in tariff.elements
        for part in element.components
        if (part.dimension, element.restrictions.reservation) == kind
    )


# Bodies from outside

JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(["0.25", "ENERGY", "EUR"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["prices", "taxRates", "vat", "price", "x"]), inner, max_size=3),
    ),
    max_leaves=8,
)
WHOLE: dict[str, dict[str, Any]] = {
    "ocpp": {"tariffId": "t", "currency": "EUR", "energy": {"prices": [{"priceKwh": 1, "conditions": {"minPower": 1}}]}},
    "ocpi": {
        "country_code": "DE",
        "tax_included": "NO",
        "id": "t",
        "currency": "EUR",
        "elements": [{"price_components": [{"type": "ENERGY", "price": 1}], "restrictions": {"min_kwh": 1}}],
        "min_price": {"before_taxes": 1},
        "energy_mix": {"is_green_energy": True, "energy_sources": []},
    },
    "ours": {"id": "t", "currency": "EUR", "valid_from": "2026-01-01T00:00:00Z", "names": [{"language": "en", "text": "t"}]},
}


def ways(value: Any, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """All places within a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(found for key, inner in items for found in ways(inner, (*way, key)))]


def put(value: Any, way: tuple[str | int, ...], new: Any) -> Any:
    if not way:
        return new
    copy = value.copy()
    copy[way[0]] = put(value[way[0]], way[1:], new)
    return copy


def outcome(body: bytes) -> int:
    """How many tariffs were read, or 0 where the body was refused in words."""
    complaints: tuple[str, ...] = ()
    try:
        return len(read_tariffs(body))
    except TariffRefused as refused:
        complaints = refused.complaints
    assert complaints
    assert all(len(complaint) < 400 for complaint in complaints)
    return 0


@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_whatever_stands_in_a_field_the_tariff_is_read_or_refused(kind, data):
    way = data.draw(st.sampled_from(ways(WHOLE[kind])))
    outcome(json.dumps(put(WHOLE[kind], way, data.draw(JSON))).encode())


@given(st.binary(max_size=200))
@example(b"[" * 100_000)
@example(b'{"id":' * 100_000)
@example(b'{"price":' + b"9" * 5000 + b"}")
@example(b'{"price":1e999999999999999999999}')
@example(b'{"price":NaN}')
@example(b'{"a":1,"a":2}')
@example(b"\xef\xbb\xbf{}")
@example(b'"\\ud800"')
@example(b"[]")
def test_any_body_is_refused_in_words(body):
    assert outcome(body) == 0


@pytest.mark.parametrize("number", ["1e999999999", "1e-999999999", "-1e30", "Infinity", "9" * 4000, "0.1234567890123", "1e5"])
@pytest.mark.parametrize("field", ["priceKwh", "minPower"])
def test_a_number_beyond_all_bounds_is_refused_and_not_written_out(number, field):
    body = json.dumps(WHOLE["ocpp"]).replace(f'"{field}": 1', f'"{field}": {number}')
    assert number in body
    assert outcome(body.encode()) == (1 if (number, field) == ("1e5", "minPower") else 0)


def test_a_lone_surrogate_is_no_text():
    assert outcome(json.dumps({**WHOLE["ocpi"], "tariff_alt_text": [{"language": "en", "text": "\ud800"}]}).encode()) == 0


def test_numbers_keep_their_digits():
    (read,) = read_tariffs(json.dumps(WHOLE["ocpi"]).replace('"price": 1', '"price": 0.2500').encode())
    (element,) = read.published.tariff.elements
    assert str(element.components[0].price) == "0.2500"
    document = export(read.published, Profile.OCPI_2_3_0, **OWNER).document
    assert document["elements"][0]["price_components"][0]["price"] == Decimal("0.2500")
    assert b'"price":0.2500' in _NUMBERS.encode(document)
