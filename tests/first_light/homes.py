"""Homes for tests of the whole: made, filled, and compared by digests that do not depend on the order of the log."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from wattbook.audit import digests
from wattbook.documents import run_invoices
from wattbook.importing import import_files
from wattbook.settings import read_settings
from wattbook.wiring import App, create_app

DATA = Path(__file__).parent.parent / "data"
CAPTURES = tuple(
    DATA / "ocpp" / name for name in ("ocpp16-session.ndjson", "ocpp201-session.ndjson", "capture-sap-simulator.ndjson")
)
ISSUED_AT = datetime(2026, 12, 1, 8, tzinfo=UTC)
MONTH = "2026-11"


def new_home(folder: Path, reference: Path = DATA / "reference", vault: Path | None = None, batch: int = 500) -> App:
    """A home with that reference data published. With `vault`, it can open what another home sealed, and seals alike."""
    folder.mkdir(parents=True)
    shutil.copytree(reference, folder / "reference")
    if vault is not None:
        shutil.copy(vault, folder / "vault.json")
    app = create_app(read_settings(home=folder, batch_size=batch))
    app.publish_reference()
    return app


def imported(folder: Path, files: tuple[Path, ...], **how: object) -> App:
    app = new_home(folder, **how)  # type: ignore[arg-type]
    import_files(app.runtime, files, app.settings.batch_size)
    return app


def with_invoices(app: App) -> dict[str, str]:
    """The order-free digests after the invoice run; the app is closed."""
    run_invoices(app, MONTH, ISSUED_AT.date(), ISSUED_AT)
    with app.reading() as store:
        found = digests(store)
    app.close()
    return found
