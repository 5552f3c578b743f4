"""Under what a summary counts a verdict on signed values: a genuine record may say of itself that it is not to be billed."""

import pytest

from streams.batch_parts import counted
from vocabulary.identity import SessionId
from vocabulary.signatures import SignatureChecked, SignatureReason, Verdict


@pytest.mark.parametrize(
    ("verdict", "billing", "label"),
    [
        (Verdict.VERIFIED, Verdict.VERIFIED, "signature: verified"),
        (Verdict.VERIFIED, None, "signature: verified"),
        (Verdict.VERIFIED, Verdict.FAILED, "signature: verified, not to be billed"),
        (Verdict.VERIFIED, Verdict.UNVERIFIABLE, "signature: verified, not to be billed"),
        (Verdict.FAILED, Verdict.FAILED, "signature: failed"),
        (Verdict.UNSIGNED, Verdict.UNSIGNED, "signature: unsigned"),
    ],
)
def test_signatures_that_hold_and_may_not_be_billed_are_counted_apart(
    verdict: Verdict, billing: Verdict | None, label: str
) -> None:
    checked = SignatureChecked(session=SessionId("s"), verdict=verdict, reason=SignatureReason.VERIFIED, billing=billing)
    assert counted(checked) == label
