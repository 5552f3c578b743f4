"""TLS: 1.2 or newer, with the suites that OCPP asks of a CSMS (2.0.1 part 2, A00) and no weaker.

Of TLS 1.2 those are AES-GCM with ECDHE, and with RSA alone for stations that have no elliptic curves.
"""

import ssl
from pathlib import Path
from typing import Final

_SUITES: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:AES128-GCM-SHA256:AES256-GCM-SHA384"


def server_context(certificate: Path, key: Path | None, client_authority: Path | None) -> ssl.SSLContext:
    """`client_authority`: whose certificates stations must show; None: they need none. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES)
    context.load_cert_chain(certificate, key)
    if client_authority is not None:
        context.load_verify_locations(client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(authority: Path | None, certificate: Path | None) -> ssl.SSLContext:
    """For connections that we make. `certificate`: ours, with its key. Raises OSError."""
    context = ssl.create_default_context(cafile=authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context
