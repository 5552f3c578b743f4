"""What the prices of a tariff ask for beside energy and time."""

from vocabulary.tariff import Restrictions, Tariff, export_components


def depends_on_measurements(tariff: Tariff) -> bool:
    return asks_for_power(tariff) or asks_for_current(tariff)


def asks_for_power(tariff: Tariff) -> bool:
    return any(limit.min_power_w is not None or limit.max_power_w is not None for limit in _limits(tariff))


def asks_for_current(tariff: Tariff) -> bool:
    return any(limit.min_current_a is not None or limit.max_current_a is not None for limit in _limits(tariff))


def asks_for_the_brand(tariff: Tariff) -> bool:
    return any(limit.payment_brand is not None for limit in _limits(tariff))


def asks_for_the_recognition(tariff: Tariff) -> bool:
    return any(limit.payment_recognition is not None for limit in _limits(tariff))


def pays_for_exports(tariff: Tariff) -> bool:
    return bool(export_components(tariff))


def prices_reservations(tariff: Tariff) -> bool:
    return any(limit.reservation is not None for limit in _limits(tariff))


def _limits(tariff: Tariff) -> list[Restrictions]:
    return [element.restrictions for element in tariff.elements]
