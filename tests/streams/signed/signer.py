"""A meter of any format for tests: a fresh key on a curve, and signatures as meters write them."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from streams.signed.ecdsa import PublicKey
from streams.signed.keys import read_key


class Signer:
    def __init__(self, curve: ec.EllipticCurve) -> None:
        self.private = ec.generate_private_key(curve)
        self._public = self.private.public_key()

    @property
    def key(self) -> PublicKey:
        return read_key(self.der.hex())

    @property
    def der(self) -> bytes:
        return self._public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def point(self) -> bytes:
        return self._public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def compressed(self) -> bytes:
        return self._public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    def sign(self, data: bytes) -> bytes:
        """As DER."""
        return self.private.sign(data, ec.ECDSA(hashes.SHA256()))

    def sign_bare(self, data: bytes) -> bytes:
        """r and s side by side."""
        length = (self.private.key_size + 7) // 8
        return b"".join(number.to_bytes(length, "big") for number in decode_dss_signature(self.sign(data)))
