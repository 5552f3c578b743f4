"""Documents: invoices with their VAT, numbers, JSON, text and PDF, and charge detail records for roaming partners.

Drawn up from rated sessions alone (`draw_up`, `ocpi_cdr`), never changed afterwards. A rendering is a function of the
invoice and of the buyer's name and address, which the log holds sealed; the same input gives the same bytes.
"""
