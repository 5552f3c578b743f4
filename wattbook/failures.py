"""What can fail of the outside, over all commands: told as a sentence, without a traceback. Everything else is our mistake."""

from invoicing.not_rendered import NotRendered
from ledger.books import LedgerError
from streams.log import LogError
from streams.states import AlreadyInvoiced, IndexChanged, PositionMoved
from wattbook.credentials import CredentialsUnusable
from wattbook.database import DatabaseError
from wattbook.dev_process import ServersError
from wattbook.months import NotAMonth
from wattbook.price_rows import PricesRefused
from wattbook.publishing_tariffs import Retroactive
from wattbook.reference_files import ReferenceErrors
from wattbook.seal_key import SealKeyUnusable
from wattbook.settings import SettingsError
from wattbook.trusted_keys import MeterKeyRefused
from wattbook.vault import VaultError
from wattbook.wiring import NotReady

OUTSIDE_FAILURES = (
    SettingsError,
    NotRendered,
    LedgerError,
    NotReady,
    NotAMonth,
    ReferenceErrors,
    Retroactive,
    PricesRefused,
    MeterKeyRefused,
    DatabaseError,
    LogError,
    PositionMoved,
    AlreadyInvoiced,
    IndexChanged,
    VaultError,
    CredentialsUnusable,
    ServersError,
    SealKeyUnusable,
    OSError,
)
