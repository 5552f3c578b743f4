"""What a reference fact is about, as the key of its record: by it all facts about one thing are found."""

from vocabulary.assignment import TariffAssigned
from vocabulary.codec import ReferenceFact
from vocabulary.identity import SessionId
from vocabulary.plan import PlanPublished
from vocabulary.price_series import SeriesPublished
from vocabulary.reference import (
    ClockTicked,
    ContractPublished,
    MeterKeyPublished,
    OperatorPublished,
    PartnerPublished,
    RulesAdopted,
    SessionDecided,
    SitePublished,
    plain_evse_id,
)


def key_of(fact: ReferenceFact) -> str:
    """What a fact is about, as the key of its record."""
    match fact:
        case OperatorPublished():
            return "operator"
        case SitePublished():
            return f"site:{fact.site.id}"
        case ContractPublished():
            return f"contract:{fact.contract.id}"
        case PartnerPublished():
            return f"partner:{fact.partner.id}"
        case TariffAssigned():
            return f"assignment:{fact.assignment.id}"
        case MeterKeyPublished():
            return f"meter-key:{plain_evse_id(fact.evse_id)}"
        case PlanPublished():
            return f"plan:{fact.plan.id}"
        case SeriesPublished():
            return f"series:{fact.series}"
        case RulesAdopted():
            return "rules"
        case ClockTicked():
            return "clock"
        case SessionDecided():
            return decisions_key(fact.session)
        case _:
            return f"tariff:{fact.tariff.id}"


def decisions_key(session: SessionId) -> str:
    return f"session:{session}"
