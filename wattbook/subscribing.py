"""Which plans contracts have, as far as reference facts say it, for the drawing up of invoices."""

from datetime import date

from msgspec import UNSET

from invoicing.plan_terms import beginning, terms, used
from invoicing.subscriptions import PlanMonth, Subscriptions
from streams.catalogue import Catalogue
from streams.unit import Earlier, Plans
from vocabulary.identity import ContractId
from vocabulary.money import Currency
from vocabulary.plan import Plan, Term
from vocabulary.sessions import SessionRated
from vocabulary.tariff import EvseKind


def subscriptions(plans: Plans, catalogue: Catalogue) -> Subscriptions:
    def month_of(contract: ContractId, currency: Currency, month: str) -> PlanMonth:
        earlier = plans.earlier.get((contract, currency, month), Earlier())
        of_currency = tuple(term for term in terms_of(contract, month, catalogue) if term.plan.currency == currency)
        uses = tuple(used(rated, kind_of_evse(rated, catalogue)) for rated in earlier.sessions)
        return PlanMonth(of_currency, uses, earlier.lines)

    return Subscriptions(plans.subscribers, month_of)


def terms_of(contract: ContractId, month: str, catalogue: Catalogue) -> tuple[Term, ...]:
    zone = _zone(contract, catalogue)

    def plan_on(day: date) -> Plan | None:
        return None if zone is None else catalogue.plan(contract, beginning(day, zone))

    return terms(month, plan_on)


def _zone(contract: ContractId, catalogue: Catalogue) -> str | None:
    """Of the plans that the contract ever names; all have the operator's, which the reference data hold to be one."""
    named = [version.plan for version in catalogue.contracts[contract].values if version.plan is not UNSET]
    return next((plan.time_zone for name in named if name in catalogue.plans for plan in catalogue.plans[name].values), None)


def kind_of_evse(rated: SessionRated, catalogue: Catalogue) -> EvseKind | None:
    """Of the EVSE as its site had it when the session began; None: the site has it no more."""
    evses = (plug.evse for plug in catalogue.plugs(rated.station, rated.start))
    power = next((evse.power_type for evse in evses if evse.evse_id == rated.evse_id), None)
    return None if power is None else EvseKind.DC if power == "DC" else EvseKind.AC
