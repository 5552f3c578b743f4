"""A meter's public key as an operator writes it, as the one writing that the log keeps (`streams.signed.keys` reads it)."""

from streams.signed.keys import read_key


def normalise_public_key(text: str) -> str:
    """DER SubjectPublicKeyInfo as lower-case hex, the point uncompressed. Raises ValueError with a sentence."""
    return read_key(text).der.hex()
