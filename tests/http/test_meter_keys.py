"""Meter keys over HTTP: seen, registered and revoked by who may, over a real socket."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.http.world import Answer, Door, add_token, door
from tests.test_meter_key_commands import EVSE, KEY, OTHER, home, worklist
from vocabulary.access import PREFIX, Role
from wattbook.cli import cli
from wattbook.demo_meter import DemoMeter
from wattbook.settings import read_settings
from wattbook.wiring import App, open_app

__all__ = ["home"]
ADMIN, AUDITOR, PUBLISHER = (PREFIX + letter * 43 for letter in "abc")


@pytest.fixture
def app(home: Path) -> Iterator[App]:
    app = open_app(read_settings(home=home))
    for name, role, secret in (("ada", Role.ADMIN, ADMIN), ("bob", Role.AUDITOR, AUDITOR), ("csms", Role.PUBLISHER, PUBLISHER)):
        add_token(app, name, role, secret)
    yield app
    app.close()


@pytest.fixture
def at(app: App) -> Iterator[Door]:
    with door(app) as found:
        yield found


def get(at: Door, path: str = "/v1/meter-keys", token: str = ADMIN) -> Answer:
    return at.ask("GET", path, headers={"Authorization": f"Bearer {token}"})


def post(at: Door, body: object, path: str = "/v1/meter-keys", token: str = ADMIN) -> Answer:
    sent = body if isinstance(body, str | bytes) else json.dumps(body)
    return at.ask("POST", path, sent, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})


def test_a_key_is_registered_and_what_waited_for_it_is_told(at: Door, home: Path) -> None:
    key = {"evse_id": EVSE, "public_key": KEY, "meter": "M1", "valid_from": "2026-03-01T00:00:00+01:00"}
    answer = post(at, key)
    assert answer.status == 201
    assert answer.body["new"] is True
    assert answer.body["key"]["valid_from"] == "2026-02-28T23:00:00Z"
    assert (answer.body["sessions"]["checked"], len(answer.body["sessions"]["billable"])) == (1, 1)
    assert worklist(home) == []
    again = post(at, key)
    assert (again.status, again.body["new"]) == (200, False)
    [listed] = get(at, token=AUDITOR).body["keys"]
    assert (listed["evse_id"], listed["meter"], listed["source"], listed["by"]) == (EVSE, "M1", "register", "ada")


def test_keys_of_one_evse_are_asked_for_by_its_id(at: Door) -> None:
    post(at, {"evse_id": OTHER, "public_key": KEY})
    assert [each["evse_id"] for each in get(at, f"/v1/meter-keys?evse_id={OTHER}").body["keys"]] == [OTHER]
    unknown = get(at, "/v1/meter-keys?evse_id=DE*ELB*E77")
    assert (unknown.status, unknown.body["reason"]) == (400, "meter_key_is_refused")


def test_a_key_is_revoked_once(at: Door, home: Path) -> None:
    post(at, {"evse_id": EVSE, "public_key": KEY})
    revoked = {"evse_id": EVSE, "fingerprint": "c1b1d260", "reason": "sold", "valid_until": "2026-04-01T00:00:00Z"}
    answer = post(at, revoked, "/v1/meter-keys/revoke")
    assert (answer.status, answer.body["key"]["revoked"], answer.body["key"]["valid_until"]) == (
        201,
        "sold",
        "2026-04-01T00:00:00Z",
    )
    assert post(at, revoked, "/v1/meter-keys/revoke").status == 200
    listed = json.loads(CliRunner().invoke(cli, ["--home", str(home), "meter-key", "list", "--json"]).stdout)
    assert [each["revoked"] for each in listed] == ["sold"]


def test_a_key_is_revoked_entirely(at: Door) -> None:
    post(at, {"evse_id": EVSE, "public_key": KEY})
    slip = {"evse_id": EVSE, "fingerprint": "c1b1d260", "reason": "a slip", "entirely": True}
    both = post(at, slip | {"valid_until": "2026-04-01T00:00:00Z"}, "/v1/meter-keys/revoke")
    assert (both.status, both.body["remedy"]) == (400, "entirely is for all time: leave valid_until out")
    assert post(at, slip, "/v1/meter-keys/revoke").status == 201
    assert post(at, slip, "/v1/meter-keys/revoke").status == 200
    assert post(at, {"evse_id": OTHER, "public_key": KEY}).status == 201, "who never trusted it does not stand in the way"


@pytest.mark.parametrize("until", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_time_that_cannot_be_is_refused_where_a_key_is_revoked(at: Door, until: str) -> None:
    post(at, {"evse_id": EVSE, "public_key": KEY})
    body = {"evse_id": EVSE, "fingerprint": "c1b1d260", "reason": "sold", "valid_until": until}
    answer = post(at, body, "/v1/meter-keys/revoke")
    assert (answer.status, answer.body["remedy"].endswith("is not between 1970 and 2999: check the year")) == (400, True)


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ({"evse_id": EVSE, "public_key": "abc"}, 400, "the key is neither hex nor base64"),
        ({"evse_id": EVSE}, 400, "the body cannot be read: Object missing required field `public_key`"),
        (
            {"evse_id": EVSE, "public_key": KEY, "valid_form": None},
            400,
            "the body cannot be read: Object contains unknown field",
        ),
        ({"evse_id": EVSE, "public_key": KEY, "valid_from": "2026-03-01T00:00:00"}, 400, "the body cannot be read: Expected"),
        ({"evse_id": "E1", "public_key": KEY}, 400, "`E1` is not an EVSE id"),
        (
            {"evse_id": EVSE, "public_key": KEY, "valid_from": "0001-01-01T00:00:00+23:59"},
            400,
            "0001-01-01 00:00:00+23:59 is not between 1970 and 2999: check the year",
        ),
        ({"evse_id": EVSE, "public_key": KEY, "valid_until": "9999-12-31T23:59:59-23:59"}, 400, "9999-12-31 23:59:59-23:59 is"),
        (
            f'{{"evse_id": "{OTHER}", "evse_id": "{EVSE}", "public_key": "{KEY}"}}',
            400,
            "the body cannot be read: a name stands twice in an object",
        ),
        ({"evse_id": EVSE, "public_key": KEY, "meter": "M\x001"}, 400, "the meter's serial number has control characters"),
        ({"evse_id": EVSE, "public_key": KEY, "meter": "M" * 61}, 400, "the meter's serial number has 61 characters"),
        (
            {"evse_id": EVSE, "public_key": KEY, "registers": ["1-0:1.8.0*198"] * 4000},
            400,
            "4000 registers are more than a meter has: write at most 16",
        ),
        ("[" * 100_000, 400, "the body cannot be read"),
        (b"\xff", 400, "the body cannot be read"),
        ({"evse_id": OTHER, "public_key": DemoMeter("M3").public_key()}, 409, "DE*ELB*E1 trusts this key since ever"),
    ],
)
def test_what_is_wrong_is_answered_with_a_remedy(at: Door, body: Any, status: int, why: str) -> None:
    post(at, {"evse_id": EVSE, "public_key": DemoMeter("M3").public_key()})
    answer = post(at, body)
    assert (answer.status, answer.body["reason"]) == (status, "meter_key_is_refused")
    assert answer.body["remedy"].startswith(why)


def test_only_administrators_register_and_auditors_look(at: Door) -> None:
    key = {"evse_id": EVSE, "public_key": KEY}
    for token in (AUDITOR, PUBLISHER):
        refused = post(at, key, token=token)
        assert (refused.status, refused.body["reason"]) == (403, "token_may_not_publish")
    assert get(at, token=PUBLISHER).status == 403
    assert get(at, token=PREFIX + "x" * 43).status == 401
    assert post(at, key, token="").status == 401
    assert get(at).body["keys"] == []


def test_no_key_and_no_secret_is_in_the_log(at: Door) -> None:
    post(at, {"evse_id": EVSE, "public_key": KEY})
    post(at, {"evse_id": EVSE, "public_key": "abc"})
    events = [line["event"] for line in at.log if line["event"].startswith("meter_key")]
    assert events == ["meter_keys_told", "meter_key_refused"]
    assert KEY not in str(at.log) and ADMIN not in str(at.log)


def test_the_door_describes_its_paths_and_refuses_other_methods(at: Door) -> None:
    paths = at.ask("GET", "/openapi.json").body["paths"]
    assert set(paths["/v1/meter-keys"]) == {"get", "post"}
    body = paths["/v1/meter-keys/revoke"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {"evse_id", "fingerprint", "reason", "valid_until", "entirely"}
    other = at.ask("DELETE", "/v1/meter-keys")
    assert (other.status, other.headers["allow"]) == (405, "GET, POST")
