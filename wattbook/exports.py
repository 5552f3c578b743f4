"""Exports: what leaves for others. Charge detail records for roaming partners, one file per partner."""

from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from invoicing.ocpi_cdr import CdrRefused, cdr
from streams.catalogue import Catalogue
from streams.signed.billed import as_signed, ends, is_pair
from tariffs.export_ocpi import document_of, ocpi_losses
from vocabulary.assignment import Stage
from vocabulary.codec import version_hash
from vocabulary.identity import PartnerId, TariffId, VersionHash
from vocabulary.reference import Partner
from vocabulary.sessions import ChargingSession, SessionRated
from vocabulary.signatures import SignatureChecked
from vocabulary.tariff import Profile
from wattbook.conclusions import Dossier, dossier
from wattbook.documents import write_whole
from wattbook.months import Month
from wattbook.wiring import App, Store, operator_of


class Exported(NamedTuple):
    """What was written for a partner. `refused` are sessions that cannot be told as they are, each with the reason."""

    partner: PartnerId
    path: Path
    cdrs: int
    held: int
    refused: tuple[CdrRefused, ...]


def export_cdrs(app: App, month: Month, folder: Path) -> list[Exported]:
    """OCPI 2.2.1 CDRs of the sessions that ended in the month, by the site's calendar, for each partner."""
    app.runtime.pump()
    catalogue = app.runtime.catalogue()
    found: defaultdict[PartnerId, list[Dossier]] = defaultdict(list)
    with app.reading() as store:
        for row in store.states.ended_in(month.first, month.last):
            if row.partner is not None:
                found[row.partner].append(dossier(store, row))
        return [_write(partner, sessions, catalogue, store, folder) for partner, sessions in sorted(found.items())]


def _write(partner_id: PartnerId, sessions: list[Dossier], catalogue: Catalogue, store: Store, folder: Path) -> Exported:
    """One JSON array, in order of start. What is held back is not told before it is released."""
    due = [found for found in sessions if found.rated is not None and found.rated.held is None]
    made = [_cdr(found, catalogue, store) for found in due]
    documents = [document for document in made if isinstance(document, bytes)]
    refused = tuple(document for document in made if isinstance(document, CdrRefused))
    path = folder / f"{partner_id.replace('*', '-')}.json"
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, b"[" + b",\n".join(documents) + b"]\n")
    return Exported(partner_id, path, len(documents), len(sessions) - len(due), refused)


def _in_force_since(catalogue: Catalogue, tariff: TariffId, version: VersionHash) -> datetime | None:
    """When the tariff version came into force; None: it has been replaced since."""
    versions = catalogue.tariffs[tariff]
    return next((since for since, known in zip(*versions, strict=True) if version_hash(known.value) == version), None)


def _stages(rated: SessionRated) -> list[Stage]:
    """The tariff with which the session began, and what came into force while it went on."""
    first = Stage(since=rated.start, tariff=rated.tariff, version=rated.tariff_version)
    return [first, *(rated.chosen.then if rated.chosen else ())]


def _cdr(found: Dossier, catalogue: Catalogue, store: Store) -> bytes | CdrRefused:
    """The CDR of a session, by what was in force when it began and the tariff version that rated it."""
    rated, session = found.rated, found.session
    assert rated is not None and session is not None
    plug, operator = catalogue.plug(session.station, session.evse, session.start), operator_of(catalogue, session.start)
    holder = catalogue.holder(rated.token, session.start)
    if plug is None or not isinstance(holder, Partner):
        return CdrRefused(session=rated.session, objections=("the EVSE or the partner is no longer in the reference data",))
    [*_, entry] = store.ledger.entries_of(rated.session)  # the last one is of the charge that stands
    updated = entry.recorded_at or session.end
    stages = _stages(rated)
    versions = [catalogue.tariff_versions[stage.version] for stage in stages]
    losses = (loss for version in versions for loss in ocpi_losses(version, Profile.OCPI_2_2_1) if loss.changes_price)
    if lost := tuple(dict.fromkeys(f"tariffs: {loss}" for loss in losses)):
        return CdrRefused(session=rated.session, objections=lost)  # the partner would come to another amount
    party = {"country_code": operator.country_code, "party_id": operator.party_id}
    tariffs = [
        document_of(version, last_updated=_in_force_since(catalogue, stage.tariff, stage.version) or session.start, **party)
        for stage, version in zip(stages, versions, strict=True)
    ]
    return cdr(
        rated=rated,
        session=_as_billed(session, rated, found.checked),
        site=plug.site,
        evse=plug.evse,
        partner=holder,
        operator=operator,
        tariff=tariffs[0],
        then=[(stage.since, tariff) for stage, tariff in zip(stages[1:], tariffs[1:], strict=True)],
        signature=found.checked,
        last_updated=updated,
    )


def _as_billed(session: ChargingSession, rated: SessionRated, checked: SignatureChecked | None) -> ChargingSession:
    """With the curve that was priced, where that is the one that the meter signed."""
    if checked is None or not is_pair(checked) or ends(checked) != (rated.begin_wh, rated.end_wh):
        return session
    return as_signed(session, checked)
