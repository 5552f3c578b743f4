"""An invoice as one self-contained HTML page, for the browser and as the source of the PDF.

The stylesheet stands in the page, and nothing is loaded from anywhere. All values are text and are escaped; what a reader
cannot see is made visible on its way out (`visible`), here for all of them, so that no template can forget it.
"""

from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from invoicing.localise import language
from invoicing.presentation import present
from invoicing.visible import visible
from vocabulary.billing import Invoice
from vocabulary.reference import Party


def invoice_html(invoice: Invoice, buyer: Party) -> str:
    """The page; `buyer` is the holder of the invoice's contract, opened by the vault."""
    page = present(invoice, buyer)
    return _environment(page.language.tag).get_template("invoice.html").render(page=page)


@lru_cache
def _environment(tag: str) -> Environment:
    tongue = language(tag)
    environment = Environment(
        loader=PackageLoader("invoicing", "templates"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(tongue.text, tongue.plural, newstyle=True)  # type: ignore[attr-defined]
    return environment


def _visible(value: Any) -> Any:
    """Plain text only: what is already markup comes from our own catalogues."""
    return visible(value) if type(value) is str else value
