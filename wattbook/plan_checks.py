"""What must hold between plans and the rest of reference data: what they name exists, and what contracts name is a plan."""

from collections.abc import Iterable, Iterator

from wattbook.reference_checks import Reference
from wattbook.reference_yaml import Problem
from wattbook.suggest import did_you_mean


def plan_checks(reference: Reference) -> Iterator[Problem]:
    plans = {plan.id for plan in reference.plans}
    for contract in reference.contracts:
        if (named := contract.shape.plan) is not None and named not in plans:
            yield contract.problem(_none("plan", named, plans, "plans.yaml"), "plan")
    sites = {site.id for site in reference.sites}
    for plan in reference.plans:
        scopes = [*((("rebates", i), rebate) for i, rebate in enumerate(plan.shape.rebates))]
        included = [] if plan.shape.included is None else [(("included",), plan.shape.included)]
        for way, scope in (*included, *scopes):
            for i, name in enumerate(scope.tariffs):
                if name not in reference.tariff_ids:
                    yield plan.problem(_none("tariff", name, reference.tariff_ids, "tariffs.yaml"), *way, "tariffs", i)
            for i, name in enumerate(scope.sites):
                if name not in sites:
                    yield plan.problem(_none("site", name, sites, "sites.yaml"), *way, "sites", i)


def _none(kind: str, name: str, names: Iterable[str], file: str) -> str:
    return f"there is no {kind} `{name}`{did_you_mean(name, names)}: correct it, or add the {kind} to {file}"
