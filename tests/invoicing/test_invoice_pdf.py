"""The PDF as its reader opens it: the same bytes every time, the same figures as the JSON, nothing torn apart."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from pypdf import PdfReader

from invoicing.html import invoice_html
from invoicing.invoice_json import invoice_json
from invoicing.localise import language
from invoicing.presentation import present
from invoicing.weasyprint_pdf import ATTACHMENT, NotRendered, invoice_pdf, pdf_of
from tests.invoicing.material import BUYER, ENERGY, invoice, month_of_sessions, session
from vocabulary.billing import Invoice
from vocabulary.reference import Party

ROOT = Path(__file__).parents[2]
RENDER = """
import sys
from hashlib import sha256
from invoicing.weasyprint_pdf import invoice_pdf
from tests.invoicing.material import BUYER, invoice, month_of_sessions
print(sha256(invoice_pdf(invoice(*month_of_sessions(3)), BUYER)).hexdigest())
"""


def opened(issued: Invoice, buyer: Party = BUYER) -> PdfReader:
    return PdfReader(BytesIO(invoice_pdf(issued, buyer)))


def words(text: str) -> str:
    """Text without regard to how it was spaced and broken."""
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())


def text_of(pdf: PdfReader) -> str:
    return words(" ".join(page.extract_text() for page in pdf.pages))


def test_the_same_invoice_gives_the_same_bytes_here_and_in_another_process():
    issued = invoice(*month_of_sessions(3))
    here = invoice_pdf(issued, BUYER)
    assert invoice_pdf(issued, BUYER) == here
    seeds = {"PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland", "PYTHONPATH": str(ROOT)}
    there = subprocess.run([sys.executable, "-c", RENDER], env=os.environ | seeds, capture_output=True, check=True, text=True)
    assert there.stdout.strip() == sha256(here).hexdigest()


@pytest.mark.parametrize("tag", ["en", "de"])
def test_the_pdf_shows_the_figures_of_the_json(tag: str):
    issued = invoice(*month_of_sessions(7), language=tag)
    text, fields, tongue = text_of(opened(issued)), json.loads(invoice_json(issued, BUYER)), language(tag)

    def amount(field: str) -> str:
        return tongue.amount(msgspec.convert(field, type(issued.total)), issued.currency)

    assert f"{amount(fields['net'])} {amount(fields['tax'])} {words(tongue.money(issued.total, issued.currency))}" in text
    for part in fields["vat"]:
        assert f"{amount(part['net'])} {amount(part['vat'])} {amount(part['gross'])}" in text
    for shown in fields["sessions"]:
        assert amount(shown["gross"]) in text
        assert shown["evse_id"] in text
    assert fields["number"] in text
    assert "DE02 1203 0000 0000 2020 51" in text


def test_the_json_is_attached_once_as_the_data_that_the_page_shows():
    issued = invoice(session(ENERGY))
    pdf = opened(issued)
    assert pdf.attachments == {ATTACHMENT: [invoice_json(issued, BUYER)]}
    (specification,) = pdf.root_object["/AF"]
    assert specification.get_object()["/AFRelationship"] == "/Data"


def test_the_file_calls_itself_pdf_a_3b_and_carries_what_that_takes():
    pdf = opened(invoice(session(ENERGY)))
    metadata = pdf.root_object["/Metadata"].get_object().get_data().decode()
    assert 'pdfaid:part="3"' in metadata
    assert 'pdfaid:conformance="B"' in metadata
    assert metadata.count("<rdf:RDF") == 1
    assert pdf.root_object["/OutputIntents"][0]["/S"] == "/GTS_PDFA1"
    assert pdf.trailer["/ID"][0] != pdf.trailer["/ID"][1]
    fonts = [font.get_object() for font in pdf.pages[0]["/Resources"]["/Font"].values()]
    descriptors = [font["/DescendantFonts"][0]["/FontDescriptor"] for font in fonts]
    assert descriptors
    assert all("/FontFile2" in one or "/FontFile3" in one for one in descriptors)


def test_its_dates_and_title_are_those_of_the_invoice():
    pdf = opened(invoice(session(ENERGY), language="de"))
    assert pdf.metadata is not None
    assert pdf.metadata["/CreationDate"] == pdf.metadata["/ModDate"] == "D:20261102000000Z"
    assert pdf.metadata.title == "Rechnung 2026-000001"
    assert pdf.root_object["/Lang"] == "de"


def test_three_hundred_sessions_are_set_without_tearing_one_apart():
    issued = invoice(*month_of_sessions(300))
    pages, page = [words(one.extract_text()) for one in opened(issued).pages], present(issued, BUYER)
    annex = next(i for i, text in enumerate(pages) if "Annex:" in text)
    assert all("Charging session Quantity Unit price, net" in text for text in pages[: annex - 1])
    assert all("Session Meter and key Begin kWh" in text for text in pages[annex:])
    assert all(f"Page {i} of {len(pages)}" in text for i, text in enumerate(pages, start=1))
    for shown in page.sessions:
        (holder,) = (text for text in pages[:annex] if words(shown.when) in text)
        block = holder[holder.index(words(shown.when)) :]
        for line in shown.lines:
            told = words(f"{line.name} {line.note} {line.quantity} {line.unit_price} {line.vat} {line.amount}")
            assert told in block
    assert words(f"VAT rate Net EUR VAT EUR Gross EUR 19% {page.vat[0].net}") in pages[annex - 1]
    assert words(f"Total {page.total.net} {page.total.vat} {page.total.gross}") in pages[annex - 1]


def test_hostile_names_are_set_as_text_and_long_ones_to_their_end():
    address = msgspec.structs.replace(BUYER.address, street="Donaudampfschifffahrtsgesellschaftskapitänsallee" * 3)
    name = "<script>x</script> \u202e00.1€ " + "Nord Licht " * 25 + "Ende"
    text = text_of(opened(invoice(session(ENERGY)), msgspec.structs.replace(BUYER, name=name, address=address)))
    assert "<script>x</script> \N{REPLACEMENT CHARACTER}00.1€ Nord Licht" in text
    assert "Licht Ende" in text
    assert address.street in text.replace(" ", "")


def test_scripts_that_our_fonts_have_are_set():
    name = "Ελλάδα Київ محمد דוד"
    assert len(opened(invoice(session(ENERGY)), msgspec.structs.replace(BUYER, name=name)).pages) == 2


def test_a_glyph_that_no_font_has_is_a_loud_failure():
    buyer = msgspec.structs.replace(BUYER, name="Nord \N{KHITAN SMALL SCRIPT CHARACTER-18B00} Licht")
    with pytest.raises(NotRendered, match="U\\+18B00"):
        invoice_pdf(invoice(session(ENERGY)), buyer)
    assert invoice_pdf(invoice(session(ENERGY)), BUYER)  # the failure leaves nothing behind


@pytest.mark.parametrize(
    "harm",
    [
        '<img src="file:///etc/hostname">',
        '<img src="data:image/png;base64,AAAA">',
        '<link rel="stylesheet" href="https://evil.example/x.css">',
        '<style>body { background: url("http://evil.example/x.png") }</style>',
        '<a rel="attachment" href="file:///etc/hostname">x</a>',
        "<style>body { no-such-property: 1 }</style>",
    ],
)
def test_a_page_that_asks_for_anything_is_refused(harm: str):
    page = invoice_html(invoice(session(ENERGY)), BUYER).replace("</h1>", f"</h1>{harm}")
    with pytest.raises(NotRendered):
        pdf_of(page, b"{}", invoice(session(ENERGY)).issued_on)


def test_another_typeface_than_ours_is_refused():
    page = invoice_html(invoice(session(ENERGY)), BUYER).replace('"Noto Sans", ', '"DejaVu Serif", ')
    with pytest.raises(NotRendered, match="fonts-noto-core"):
        pdf_of(page.replace("sans-serif", "serif"), b"{}", invoice(session(ENERGY)).issued_on)
