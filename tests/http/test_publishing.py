"""The HTTP door, over sockets: what is answered, what is durable by then, and what strangers cannot do."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from ingest import http_server, uvicorn_listener
from ingest.batches import BODY_BYTES_MAX, BRACKETS_MAX, ITEMS_MAX
from ingest.http_server import BODIES_MAX, BODIES_OF_A_TOKEN_MAX, Patience
from streams.log import Stream
from tests.first_light.homes import CAPTURES, imported, new_home
from tests.http.world import LINES, SECRET, Door, add_token, door
from vocabulary.access import Role
from vocabulary.charging import RawMessage
from vocabulary.codec import decode
from vocabulary.identity import Position
from wattbook import sql_access
from wattbook.audit import digests
from wattbook.database import DatabaseAway, writing
from wattbook.sql_access import SqlAccess
from wattbook.wiring import App

OTHER_SECRET = SECRET[:-1] + "b"
FRAME = '[2, "a",\t"Heartbeat",{}]'
ITEM = f'{{"at":"2026-10-14T05:58:20Z","station":"CP-1","protocol":"ocpp1.6","frame":{FRAME}}}'
OTHER = ITEM.replace("05:58:20", "05:58:21")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = new_home(tmp_path / "home")
    add_token(app)
    yield app
    app.close()


@pytest.fixture
def http(app: App) -> Iterator[Door]:
    with door(app) as opened:
        yield opened


def raw(app: App) -> list[RawMessage]:
    with app.reading() as store:
        found = [decode(stored.body) for stored in store.log.read((Stream.RAW,), Position(0), 50_000)]
    return [message for message in found if isinstance(message, RawMessage)]


def results(body: Any) -> list[str]:
    return [each["result"] for each in body["results"]]


def test_what_is_answered_as_accepted_is_in_the_log_character_for_character(app: App, http: Door) -> None:
    answer = http.post(ITEM)
    assert (answer.status, answer.body) == (
        200,
        {"accepted": 1, "duplicate": 0, "unreadable": 0, "results": [{"item": 1, "result": "accepted"}]},
    )
    assert [message.frame for message in raw(app)] == [FRAME]


def test_a_repeated_message_is_known(http: Door) -> None:
    assert results(http.post(f"{ITEM}\n{OTHER}\n{ITEM}").body) == ["accepted", "accepted", "duplicate"]
    assert results(http.post(f"[{OTHER}, {ITEM}]", kind="application/json").body) == ["duplicate", "duplicate"]


def test_an_item_that_cannot_be_read_refuses_no_other_and_says_what_to_do(app: App, http: Door) -> None:
    answer = http.post(f'[{ITEM}, {{"station":"no name!","frame":[]}}, 7, {OTHER}]', kind="application/json; charset=utf-8")
    assert answer.status == 207
    assert results(answer.body) == ["accepted", "unreadable", "unreadable", "accepted"]
    assert [each["item"] for each in answer.body["results"]] == [1, 2, 3, 4]
    assert all(each["reason"] and each["remedy"] for each in answer.body["results"][1:3])
    assert len(raw(app)) == 2


def test_a_packed_body_is_read(http: Door) -> None:
    assert http.post(gzip.compress(ITEM.encode()), Content_Encoding="gzip").status == 200


def test_a_session_that_was_published_is_the_session_that_was_imported(tmp_path: Path, app: App) -> None:
    lines = b"".join(file.read_bytes() for file in CAPTURES)
    with door(app) as http:
        assert http.post(lines).status == 200
        wait_until(lambda: http.desk.behind == 0)
    other = imported(tmp_path / "other", CAPTURES, vault=app.settings.vault_path)
    with app.reading() as published, other.reading() as imported_:
        assert digests(published) == digests(imported_)
    other.close()


def wait_until(holds: Any, seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it does not come about"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("body", "how", "status", "reason"),
    [
        (ITEM, {"token": None}, 401, "token_is_not_known"),
        (ITEM, {"token": SECRET[:-1] + "x"}, 401, "token_is_not_known"),
        (ITEM, {"token": "x"}, 401, "token_is_not_known"),
        (ITEM, {"kind": None}, 415, "content_type_is_not_known"),
        (ITEM, {"kind": "text/plain"}, 415, "content_type_is_not_known"),
        (ITEM, {"Content_Encoding": "br"}, 415, "content_encoding_is_not_known"),
        (ITEM, {"Content_Encoding": "gzip"}, 400, "body_is_not_gzip"),
        (ITEM, {"kind": "application/json"}, 400, "body_is_not_a_json_array"),
        (ITEM, {"Idempotency_Key": "k" * 201}, 400, "idempotency_key_cannot_be_read"),
        (ITEM, {"Idempotency_Key": "a b"}, 400, "idempotency_key_cannot_be_read"),
        ("CP-1 []\n" * (ITEMS_MAX + 1), {}, 413, "body_has_too_many_items"),
        (gzip.compress(bytes(BODY_BYTES_MAX + 1)), {"Content_Encoding": "gzip"}, 413, "body_is_too_large"),
        (gzip.compress(b"") * (BODY_BYTES_MAX // 20), {"Content_Encoding": "gzip"}, 413, "body_has_too_many_gzip_members"),
        ("[" * (BRACKETS_MAX + 1), {"kind": "application/json"}, 413, "body_has_too_many_brackets"),
    ],
)
def test_what_is_refused_as_a_whole_leaves_nothing(
    app: App, http: Door, body: Any, how: dict[str, Any], status: int, reason: str
) -> None:
    answer = http.post(body, **how)
    assert (answer.status, answer.body["reason"]) == (status, reason)
    assert answer.body["remedy"]
    assert raw(app) == []


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_cut_off(app: App, http: Door, announced: bool) -> None:
    how = f"Content-Length: {10 * BODY_BYTES_MAX}" if announced else "Transfer-Encoding: chunked"
    with connected(http, how) as talk:
        talk.settimeout(20)
        with suppress(OSError):
            while not announced:
                talk.sendall(b"100000\r\n" + b"x" * 2**20 + b"\r\n")
        assert talk.recv(100).startswith(b"HTTP/1.1 413")
    assert raw(app) == []


@pytest.mark.parametrize("how", [{}, {"Connection": "close"}], ids=["kept open", "closed"])
@pytest.mark.parametrize("chunked", [False, True])
def test_who_sends_all_of_a_body_before_it_reads_is_told_that_it_is_too_large(
    http: Door, chunked: bool, how: dict[str, str]
) -> None:
    """As Python's own client does, which met a broken pipe."""
    body: Any = iter([bytes(2**20)] * 40) if chunked else bytes(40 * 2**20)
    headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": LINES} | how
    connection = HTTPConnection("127.0.0.1", http.port, timeout=20)
    connection.request("POST", "/v1/messages", body, headers, encode_chunked=chunked)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["reason"]) == (413, "body_is_too_large")
    connection.close()
    assert http.post(ITEM).status == 200


def test_who_is_refused_before_its_body_is_read_is_told_too(app: App, http: Door) -> None:
    open_ones = [connected(http, "Content-Length: 1000") for _ in range(BODIES_OF_A_TOKEN_MAX)]
    time.sleep(0.3)
    assert http.post(b" " * BODY_BYTES_MAX).status == 429
    assert http.post(b" " * BODY_BYTES_MAX, kind="text/plain").status == 415
    for each in open_ones:
        each.close()


@pytest.mark.parametrize("by", ["time", "bytes"])
def test_what_is_thrown_away_of_a_refused_body_is_bounded(app: App, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_listener, *{"time": ("LINGER_S", 0.5), "bytes": ("LINGER_BYTES_MAX", 2**21)}[by])
    with door(app) as http, connected(http, f"Content-Length: {10 * BODY_BYTES_MAX}") as stranger:
        assert stranger.recv(1000).startswith(b"HTTP/1.1 413")
        began, sent = time.monotonic(), 0
        with suppress(OSError):
            while time.monotonic() - began < 5:
                sent += stranger.send(b" " * (2**16 if by == "bytes" else 1))
                time.sleep(0 if by == "bytes" else 0.05)
        assert time.monotonic() - began < 4
        assert sent < 10 * BODY_BYTES_MAX


def connected(http: Door, *headers: str, token: str = SECRET) -> socket.socket:
    talk = socket.create_connection(("127.0.0.1", http.port), timeout=10)
    lines = ["POST /v1/messages HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", "Content-Type: application/x-ndjson"]
    talk.sendall("\r\n".join([*lines, *headers, "", ""]).encode())
    return talk


def test_who_sends_a_byte_a_moment_is_cut_off_and_others_are_not(app: App) -> None:
    with (
        door(app, Patience(grace_s=0.5, bytes_per_s=2**14, longest_s=5)) as http,
        connected(http, "Content-Length: 1000") as slow,
    ):
        began = time.monotonic()
        while time.monotonic() - began < 0.4:
            slow.sendall(b" ")
            time.sleep(0.1)
        assert http.post(ITEM).status == 200, "another one is served meanwhile"
        answer = slow.recv(1000)
        assert answer.startswith(b"HTTP/1.1 408") and b"body_comes_too_slowly" in answer + slow.recv(1000)
        assert time.monotonic() - began < 3
        assert slow.recv(1) == b"", "the connection is closed"


@pytest.mark.parametrize("sent", [b"", b"POST /v1/messages HTTP/1.1\r\nX: "])
def test_who_never_ends_a_request_is_cut_off(app: App, sent: bytes) -> None:
    with door(app, idle_s=0.4) as http, socket.create_connection(("127.0.0.1", http.port), timeout=10) as silent:
        silent.sendall(sent)
        began = time.monotonic()
        assert silent.recv(1000) == b""
        assert time.monotonic() - began < 3
        assert http.post(ITEM).status == 200


def test_who_was_refused_and_goes_on_sending_is_cut_off(app: App) -> None:
    with door(app, idle_s=0.4) as http, connected(http, "Content-Length: 1000000", token=SECRET[:-1] + "x") as stranger:
        assert stranger.recv(1000).startswith(b"HTTP/1.1 401")
        began = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - began < 5:
                stranger.sendall(b" ")
                time.sleep(0.1)
        assert time.monotonic() - began < 4


def test_one_token_has_few_bodies_open_at_a_time(app: App, http: Door) -> None:
    add_token(app, "another", secret=SECRET[:-1] + "b")
    open_ones = [connected(http, "Content-Length: 1000") for _ in range(BODIES_OF_A_TOKEN_MAX)]
    time.sleep(0.3)
    answer = http.post(ITEM)
    assert (answer.status, answer.body["reason"], answer.headers["retry-after"]) == (429, "too_many_bodies_at_a_time", "1")
    assert http.post(ITEM, token=SECRET[:-1] + "b").status == 200
    for each in open_ones:
        each.close()
    wait_until(lambda: http.post(ITEM).status == 200)


def test_all_tokens_together_have_a_bound_too(app: App, http: Door) -> None:
    names = ["a", "b", "c"]
    for name in names:
        add_token(app, name, secret=SECRET[:-1] + name)
    open_ones = [connected(http, "Content-Length: 1000", token=SECRET[:-1] + name) for name in ("a", "b") for _ in range(2)]
    time.sleep(0.3)
    answer = http.post(ITEM)
    assert (answer.status, answer.body["reason"], answer.headers["retry-after"]) == (503, "server_is_busy", "1")
    for each in open_ones:
        each.close()


def test_while_bodies_are_read_others_are_told_at_once_and_the_server_stops(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies whose reading never ends stand for those whose reading takes long."""
    reading, may_end = threading.Semaphore(0), threading.Event()

    def read(_body: bytes, _is_array: bool) -> list[Any]:
        reading.release()
        may_end.wait()
        return []

    monkeypatch.setattr(http_server, "read_batch", read)
    monkeypatch.setattr(uvicorn_listener, "_STOP_S", 0.1)
    with ThreadPoolExecutor(BODIES_MAX) as publishers:
        try:
            add_token(app, "another", secret=OTHER_SECRET)
            with door(app) as http:
                for secret in (SECRET, SECRET, OTHER_SECRET, OTHER_SECRET):
                    publishers.submit(http.post, ITEM, token=secret)
                assert all(reading.acquire(timeout=10) for _ in range(2))
                assert http.ask("GET", "/health").status == 200
                assert http.post(ITEM, token="x").status == 401
                assert http.post(ITEM, token=SECRET).status == 429
            assert not may_end.is_set(), "the door is shut, and they are still being read"
        finally:
            may_end.set()


def test_a_body_that_is_broken_off_leaves_nothing(app: App, http: Door) -> None:
    with connected(http, "Content-Length: 1000") as talk:
        talk.sendall(ITEM.encode() + b"\n")
    time.sleep(0.2)
    assert raw(app) == []
    assert http.post(ITEM).status == 200


@pytest.mark.parametrize("role", [Role.FINANCE, Role.PARTNER, Role.AUDITOR])
def test_only_publishers_and_admins_publish(app: App, http: Door, role: Role) -> None:
    add_token(app, "other", role, SECRET[:-1] + "o")
    answer = http.post(ITEM, token=SECRET[:-1] + "o")
    assert (answer.status, answer.body["reason"]) == (403, "token_may_not_publish")


def test_an_admin_may_publish(app: App, http: Door) -> None:
    add_token(app, "boss", Role.ADMIN, SECRET[:-1] + "o")
    assert http.post(ITEM, token=SECRET[:-1] + "o").status == 200


def test_a_revoked_token_is_refused_at_once(app: App, http: Door) -> None:
    assert http.post(ITEM).status == 200
    with writing(app.engine) as connection:
        assert SqlAccess(connection).revoke("csms", datetime.now(UTC))
    assert http.post(ITEM).status == 401


def test_the_same_key_and_body_get_the_same_answer_and_another_body_is_refused(http: Door) -> None:
    first = http.post(ITEM, Idempotency_Key="k-1")
    assert http.post(ITEM, Idempotency_Key="k-1").body == first.body, "accepted, as it was said"
    assert results(http.post(ITEM, Idempotency_Key="k-2").body) == ["duplicate"], "another key: what holds now"
    refused = http.post(OTHER, Idempotency_Key="k-1")
    assert (refused.status, refused.body["reason"]) == (409, "key_was_used_with_another_body")


def test_a_key_stands_for_what_the_body_says_packed_or_not(http: Door) -> None:
    first = http.post(ITEM, Idempotency_Key="k-1")
    for time_s in (0, 1):
        packed = gzip.compress(ITEM.encode(), mtime=time_s)
        again = http.post(packed, Idempotency_Key="k-1", Content_Encoding="gzip")
        assert (again.status, again.body) == (200, first.body)
    assert http.post(gzip.compress(OTHER.encode()), Idempotency_Key="k-1", Content_Encoding="gzip").status == 409


def test_a_key_is_remembered_by_another_server_on_the_same_database(app: App) -> None:
    with door(app) as http:
        first = http.post(ITEM, Idempotency_Key="k-1")
    with door(app) as http:
        assert http.post(ITEM, Idempotency_Key="k-1").body == first.body


def test_a_key_is_that_of_its_token(app: App, http: Door) -> None:
    add_token(app, "another", secret=SECRET[:-1] + "b")
    assert http.post(ITEM, Idempotency_Key="k-1").status == 200
    assert http.post(OTHER, token=SECRET[:-1] + "b", Idempotency_Key="k-1").status == 200


def test_of_two_bodies_at_once_with_one_key_one_is_taken(http: Door) -> None:
    with ThreadPoolExecutor(2) as two:
        answers = list(two.map(lambda _: http.post(ITEM, Idempotency_Key="k").body, range(2)))
    assert [results(answer) for answer in answers] == [["accepted"], ["accepted"]]


def test_the_last_keys_are_remembered_and_no_more(app: App, http: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_access, "ANSWERS_MAX", 3)
    for number in range(5):
        http.post(ITEM, Idempotency_Key=f"k-{number}")
    assert http.post(OTHER, Idempotency_Key="k-4").status == 409
    assert http.post(OTHER, Idempotency_Key="k-0").status == 200, "forgotten"


def test_while_the_log_is_away_the_publisher_is_told_to_come_again(
    app: App, http: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setattr(app.runtime, "append", _fail)
        answer = http.post(ITEM, Idempotency_Key="k")
    assert (answer.status, answer.body["reason"], answer.headers["retry-after"]) == (503, "log_is_away", "5")
    assert results(http.post(ITEM, Idempotency_Key="k").body) == ["accepted"], "nothing was remembered of it"


def _fail(_inputs: object) -> None:
    raise DatabaseAway("the server is starting")


def test_health_is_told_without_a_token(http: Door) -> None:
    assert http.ask("GET", "/health")[:2] == (200, {"status": "ok"})


def test_the_description_needs_nothing_from_elsewhere(http: Door) -> None:
    described = http.ask("GET", "/openapi.json").body
    assert {"/v1/messages", "/v1/meter-keys", "/v1/meter-keys/revoke", "/health"} == set(described["paths"])
    assert {"200", "207", "400", "401", "403", "408", "409", "413", "415", "429", "503"} <= set(
        described["paths"]["/v1/messages"]["post"]["responses"]
    )
    assert "http://" not in json.dumps(described) and "https://" not in json.dumps(described)
    assert http.ask("GET", "/docs").status == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/v1/message", 404, "path_is_not_known"),
        ("GET", "/v1/messages", 405, "method_is_not_known"),
        ("POST", "/health", 405, "method_is_not_known"),
    ],
)
def test_what_goes_astray_is_refused_as_all_else_is(http: Door, method: str, path: str, status: int, reason: str) -> None:
    answer = http.ask(method, path)
    assert (answer.status, answer.body.keys(), answer.body["reason"]) == (status, {"reason", "remedy"}, reason)


def test_no_token_and_no_message_is_in_the_log_of_the_server(http: Door, capfd: pytest.CaptureFixture[str]) -> None:
    http.post(ITEM, Idempotency_Key="k")
    http.post(ITEM, token=SECRET[:-1] + "x")
    told = json.dumps(http.log) + "".join(capfd.readouterr())
    assert {each["event"] for each in http.log} == {"batch_taken", "batch_refused"}
    assert SECRET not in told and SECRET[:-1] not in told and "Heartbeat" not in told


def test_no_token_is_in_the_database(app: App, http: Door) -> None:
    http.post(ITEM)
    folder = app.settings.database_path.parent
    assert all(SECRET.encode() not in file.read_bytes() for file in folder.glob("wattbook.db*"))


def test_many_at_once_are_taken_whole(app: App, http: Door) -> None:
    def publish(part: int) -> int:
        lines = "\n".join(f'{{"station":"S-{part}","frame":[2,"{n}","Heartbeat",{{}}]}}' for n in range(500))
        while (answer := http.post(lines)).status in (429, 503):
            time.sleep(0.05)
        return answer.status

    with ThreadPoolExecutor(8) as many:
        assert set(many.map(publish, range(8))) == {200}
    wait_until(lambda: http.desk.behind == 0)
    assert len(raw(app)) == 8 * 500
    assert threading.active_count() < 30
    assert len(list(Path("/proc/self/fd").iterdir())) < 200
