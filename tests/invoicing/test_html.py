"""The page, and names that were given to harm its reader."""

import re
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.html import invoice_html
from invoicing.invoice_text import invoice_text
from invoicing.visible import REPLACEMENT, visible
from tests.invoicing.material import BUYER, ENERGY, invoice, session

SESSION = session(ENERGY)
OURS = {
    *("html", "head", "meta", "title", "style", "body", "footer", "header", "section", "div", "span", "p", "b", "bdi"),
    *("h1", "h2", "table", "thead", "tbody", "tr", "th", "td"),
}


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src="file:///etc/passwd">',
        "<link rel=attachment href='file:///etc/passwd'>",
        "</style><style>@import 'http://evil.example/x.css'",
        "{{ page.total }} {% include 'invoice.css' %} %(amount)s",
        "<!-- ]]> &amp; &#x202e;",
    ],
)
def test_markup_in_a_name_stays_text(name: str):
    hostile = msgspec.structs.replace(BUYER, name=name, reference=name)
    tags = Tags(invoice_html(invoice(msgspec.structs.replace(SESSION, site_name=name)), hostile))
    assert tags.found <= OURS
    assert tags.attributes <= {"lang", "charset", "name", "content", "class", "colspan"}


def test_the_page_loads_nothing_and_runs_nothing():
    page = invoice_html(invoice(SESSION), BUYER)
    assert not re.search(r"url\(|@import|https?:|<script|<link|<img|\bon\w+=", page)


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200f", "\u200b", "\x00", "\x1b", "\r\n", "\x85", "\u2028", "\ue000"])
def test_what_a_reader_cannot_see_is_shown(hidden: str):
    hostile = msgspec.structs.replace(BUYER, name=f"Nord{hidden}licht")
    shown = f"Nord{REPLACEMENT * len(hidden)}licht"
    for rendered in (invoice_html(invoice(SESSION), hostile), invoice_text(invoice(SESSION), hostile)):
        assert shown in rendered
        assert hidden not in rendered


@pytest.mark.parametrize("name", ["Ærøskøbing Ålesund ß", "Ελλάδα", "Київ", "محمد", "می‌خواهم", "דוד", "नमस्ते"])
def test_honest_names_are_left_alone(name: str):
    assert visible(name) == name


@given(st.text())
def test_no_text_brings_anything_that_cannot_be_seen(text: str):
    shown = visible(text)
    assert len(shown) == len(text)
    assert shown.replace("\u200c", "").replace("\u200d", "").isprintable() or max(shown) >= "\u00a0"
    assert visible(shown) == shown


def test_the_page_is_in_the_language_of_the_contract():
    german = invoice_html(invoice(SESSION, language="de-AT"), BUYER)
    assert '<html lang="de">' in german
    assert "<h1>Rechnung 2026-000001</h1>" in german
    assert "<h1>Invoice 2026-000001</h1>" in invoice_html(invoice(SESSION, language="nl"), BUYER)
