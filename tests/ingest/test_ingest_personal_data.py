"""What frames say of a person beyond a token stays in the frame: no event holds a name, an address, a VAT number or a card.

docs/for-auditors.md ("Personal data") tells where such things stand. Events are published, and no key seals them.
"""

import pytest

from ingest.decode import decode
from tests.ingest.notation import message
from vocabulary.charging import Direction, Protocol
from vocabulary.codec import encode, event_id
from vocabulary.fact import Fact

ADA = "Ada Example"
COMPANY = f'{{"name":"{ADA}","address1":"{ADA}","address2":"{ADA}","city":"{ADA}","postalCode":"{ADA}","country":"{ADA}"}}'
SETTLED = '"pspRef":"p-1","transactionId":"t-1","settlementAmount":7.5,"settlementTime":"2026-03-11T09:41:00Z"'
CARD = '[{"type":"PaymentBrand","additionalIdToken":"Visa"},{"type":"CardLast4Digits","additionalIdToken":"Ada Example"}]'
FROM, TO = Direction.FROM_STATION, Direction.TO_STATION
TOLD = [  # and whether an event must come of it
    (FROM, True, f'"NotifySettlement",{{{SETTLED},"status":"Settled","vatCompany":{COMPANY},"vatNumber":"{ADA}"}}'),
    (FROM, True, f'"NotifySettlement",{{{SETTLED},"status":"Settled","receiptId":"r","receiptUrl":"https://x/{ADA}"}}'),
    (FROM, True, f'"NotifySettlement",{{{SETTLED},"vatCompany":{COMPANY}}}'),
    (FROM, True, f'"NotifySettlement",{{{SETTLED},"status":"Settled","vatCompany":"{ADA}"}}'),
    (FROM, True, f'"VatNumberValidation",{{"vatNumber":"{ADA}","evseId":1}}'),
    (TO, True, f'"NotifyWebPaymentStarted",{{"evseId":1,"timeout":90,"customData":{{"vendorId":"x","payer":"{ADA}"}}}}'),
    (FROM, True, f'"Authorize",{{"idToken":{{"idToken":"P-1","type":"DirectPayment","additionalInfo":{CARD}}}}}'),
    (
        FROM,
        False,
        f'"NotifyCustomerInformation",{{"data":"{ADA}","seqNo":0,"generatedAt":"2026-03-11T09:41:00Z","requestId":1}}',
    ),
    (TO, False, f'"CustomerInformation",{{"requestId":1,"report":true,"clear":false,"customerIdentifier":"{ADA}"}}'),
    (TO, False, f'"SetDisplayMessage",{{"message":{{"id":1,"priority":"AlwaysFront","message":{{"content":"{ADA}"}}}}}}'),
    (FROM, False, f'"DataTransfer",{{"vendorId":"x","data":"{ADA}"}}'),
    (FROM, False, f'"SecurityEventNotification",{{"type":"x","timestamp":"2026-03-11T09:41:00Z","techInfo":"{ADA}"}}'),
]
ANSWERED = [
    (TO, f'[3,"a",{{"company":{COMPANY},"status":"Accepted","vatNumber":"{ADA}"}}]'),
    (TO, f'[3,"a",{{"receiptId":"r-1","receiptUrl":"https://x/{ADA}"}}]'),
    (FROM, f'[3,"a",{{"status":"Accepted","statusInfo":{{"reasonCode":"x","additionalInfo":"{ADA}"}}}}]'),
    (FROM, f'[4,"a","InternalError","{ADA}",{{"who":"{ADA}"}}]'),
    (FROM, f'[5,"a","{ADA}","{ADA}",{{}}]'),
]


@pytest.mark.parametrize(("direction", "is_told", "call"), TOLD)
def test_a_call_tells_nobody_by_name(direction: Direction, is_told: bool, call: str) -> None:
    found = decode(message(f'[2,"a",{call}]', Protocol.OCPP21, direction), event_id)
    assert bool(found) == is_told
    assert not [event for event in found if ADA.encode() in encode(event)]


@pytest.mark.parametrize(("direction", "frame"), ANSWERED)
def test_an_answer_tells_nobody_by_name(direction: Direction, frame: str) -> None:
    found = decode(message(frame, Protocol.OCPP21, direction), event_id)
    assert all(isinstance(event, Fact) for event in found)
    assert not [event for event in found if ADA.encode() in encode(event)]
