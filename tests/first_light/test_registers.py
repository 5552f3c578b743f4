"""The register of an EVSE from session to session, under all of its names."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.first_light.homes import new_home
from wattbook.cli import cli
from wattbook.importing import import_files
from wattbook.wiring import NotReady

EVSE = "DE*TST*E02*1"
SESSIONS = (  # station, transaction, begin and end in hours and Wh
    ("CS201-01", "T1", 8, 1000, 9, 6000),
    ("CS201-02", "T2", 10, 6500, 11, 9000),
    ("CS201-01", "T3", 12, 8000, 14, 9500),
    ("CS201-02", "T4", 13, 9500, 15, 9600),
)


def frames() -> list[str]:
    return [line for told in SESSIONS for line in _frames(*told)]


def _frames(station: str, tx: str, start: int, begin_wh: int, end: int, end_wh: int) -> list[str]:
    told = []
    for seq, (kind, hour, wh) in enumerate((("Started", start, begin_wh), ("Ended", end, end_wh))):
        at = f"2026-10-05T{hour:02}:00:00Z"
        context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}[kind]
        payload = {
            "eventType": kind,
            "timestamp": at,
            "triggerReason": "Authorized",
            "seqNo": seq,
            "transactionInfo": {"transactionId": tx},
            "evse": {"id": 1},
            "idToken": {"idToken": "04A1B2C3D4E5F6", "type": "ISO14443"},
            "meterValue": [{"timestamp": at, "sampledValue": [{"value": wh, "context": context}]}],
        }
        told.append(json.dumps({"at": at, "station": station, "frame": [2, f"{tx}-{seq}", "TransactionEvent", payload]}))
    return told


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """With an EVSE that goes by the name of another station as well."""
    app = new_home(tmp_path / "home")
    sites = tmp_path / "home" / "reference" / "reference.yaml"
    was, now = f"{{evse_id: {EVSE}, ", f"{{evse_id: {EVSE}, also_known_as: [{{station: CS201-02, number: 1}}], "
    assert sites.read_text().count(was) == 1
    sites.write_text(sites.read_text().replace(was, now))
    app.publish_reference()
    capture = tmp_path / "frames.ndjson"
    capture.write_text("\n".join(frames()))
    import_files(app.runtime, (capture,), 100)
    app.close()
    return tmp_path / "home"


def run(home: Path, *words: str) -> str:
    return CliRunner().invoke(cli, ["--home", str(home), *words], catch_exceptions=False).stdout


def test_sessions_of_one_evse_are_laid_beside_each_other_whatever_station_told_them(home: Path) -> None:
    found: list[dict[str, Any]] = json.loads(run(home, "session", "registers", EVSE, "--json"))
    assert [(each["station"], each["since_wh"], each["remark"]) for each in found] == [
        ("CS201-01", None, None),
        ("CS201-02", "500", None),
        ("CS201-01", "-1000", "begins below the end before"),
        ("CS201-02", None, "begins before the one before ends"),
    ]
    shown = run(home, "session", "registers", EVSE).splitlines()
    assert len(shown) == 2 + 4 and "-1.000  begins below the end before" in shown[4], shown


def test_what_was_dropped_is_left_out(home: Path) -> None:
    run(home, "session", "drop", "T3", "--reason", "told twice")
    found = json.loads(run(home, "session", "registers", EVSE, "--json"))
    assert [(each["since_wh"], each["remark"]) for each in found] == [(None, None), ("500", None), ("500", None)]


def test_an_evse_that_no_site_has_is_told_with_the_nearest(home: Path) -> None:
    with pytest.raises(NotReady, match=r"no site has the EVSE .*did you mean"):
        run(home, "session", "registers", "DE*TST*E02*7")
