"""The calls of a 1.6 station in one file and the answers to them in another: the same sessions, whichever is imported first."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.first_light.homes import new_home
from wattbook.importing import import_files
from wattbook.settings import read_settings
from wattbook.wiring import create_app

FROM = datetime(2026, 11, 2, 8, tzinfo=UTC)


def _frame(at: datetime, mark: str, frame: str) -> str:
    return f"{at.isoformat()} CP16-01 {mark} {frame}"


def _days(days: int) -> tuple[list[str], list[str]]:
    """Two sessions at a time; each night the station and its CSMS count from 1 again. The calls, and the answers."""
    calls, answers = list[str](), list[str]()
    for day in range(days):
        starts = [(number, FROM + timedelta(days=day, minutes=5 * number)) for number in (1, 2)]
        for number, at in starts:
            told = (
                f'{{"connectorId":{number},"idTag":"04A1B2C3D4E5F6","meterStart":{day * 9000},"timestamp":"{at.isoformat()}"}}'
            )
            calls.append(_frame(at, ">", f'[2,"{number}","StartTransaction",{told}]'))
            answer = f'{{"transactionId":{number},"idTagInfo":{{"status":"Accepted"}}}}'
            answers.append(_frame(at + timedelta(seconds=1), "<", f'[3,"{number}",{answer}]'))
        for number, start in starts:
            at = start + timedelta(hours=1)
            told = f'{{"transactionId":{number},"meterStop":{day * 9000 + 7000 + number},"timestamp":"{at.isoformat()}"}}'
            calls.append(_frame(at, ">", f'[2,"{number + 2}","StopTransaction",{told}]'))
    return calls, answers


def _sessions(folder: Path, files: Sequence[list[str]], batch: int) -> list[object]:
    """After the import of one file after the other, each by a process of its own."""
    new_home(folder / "home", batch=batch).close()
    for index, lines in enumerate(files):
        (folder / f"{index}.ndjson").write_text("\n".join(lines) + "\n")
        app = create_app(read_settings(home=folder / "home", batch_size=batch))
        import_files(app.runtime, [folder / f"{index}.ndjson"], batch)
        app.close()
    app = create_app(read_settings(home=folder / "home"))
    with app.reading() as store:
        rows = [row for row in store.states.find("") if row.progress != "merged"]
    app.close()
    found = [(row.start, row.end, row.evse, row.transaction, row.energy_wh, row.total, row.progress) for row in rows]
    return sorted(found, key=repr)


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_forty_sessions_are_the_same_whichever_file_is_imported_first(batch: int, tmp_path: Path) -> None:
    calls, answers = _days(20)
    found = []
    for name, files in {"one": [sorted(calls + answers)], "calls": [calls, answers], "answers": [answers, calls]}.items():
        (tmp_path / name).mkdir()
        found.append(_sessions(tmp_path / name, files, batch))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 40 and {row[-1] for row in found[0]} == {"rated"}  # type: ignore[index]
