"""The steps: sessions, signatures, the states between batches, and the runtime that drives them."""
