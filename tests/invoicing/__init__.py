"""Documents: totals by hand and by Hypothesis, the page as a reader gets it, CDRs as a partner checks them."""
