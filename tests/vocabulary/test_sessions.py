"""What a session that was told whole looks like does not depend on what later versions know of others."""

from msgspec import structs

from tests.streams.folding import fold
from tests.streams.notation import events
from vocabulary.codec import decode, encode
from vocabulary.sessions import Finding, Quality, SessionClosed, quality_of

[WHOLE] = fold(events("22:30 started #0 begin 0 token A\n23:30 ended #1 end 5000")).closed


def test_a_session_that_was_told_whole_has_the_bytes_that_it_always_had() -> None:
    assert quality_of(WHOLE.session) is Quality.COMPLETE
    body = encode(WHOLE)
    assert not any(word in body for word in (b"quality", b"revision", b"held"))


def test_quality_revision_and_reason_go_to_bytes_and_back() -> None:
    doubted = structs.replace(WHOLE.session, quality=Quality.GAP)
    closed = SessionClosed(session=doubted, revision=2, held=Finding.SECOND_END)
    assert decode(encode(closed)) == closed
    assert quality_of(doubted) is Quality.GAP
