"""A meter's public key is the same key in every writing."""

import base64
import textwrap

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from wattbook.meter_keys import normalise_public_key

PRIVATE = ec.derive_private_key(0xC0FFEE, ec.SECP256R1())
KEY = PRIVATE.public_key()
DER = KEY.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
POINT = KEY.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
SHORT = KEY.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
RSA = rsa.generate_private_key(65537, 2048).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
PEM = KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
WRITINGS = {
    "DER in hex": DER.hex(),
    "DER in capital hex": DER.hex().upper(),
    "as printed in blocks": " ".join(textwrap.wrap(DER.hex(), 8)),
    "with colons": DER.hex(":"),
    "with 0x": "0x" + DER.hex(),
    "DER in base64": base64.b64encode(DER).decode(),
    "DER in base64 lines": "\n".join(textwrap.wrap(base64.b64encode(DER).decode(), 64)),
    "PEM": PEM,
    "PEM on one line": PEM.replace("\n", " "),
    "X and Y": POINT[1:].hex(),
    "04 X Y": POINT.hex(),
    "04 X Y in base64": base64.b64encode(POINT).decode(),
    "compressed": SHORT.hex(),
    "OCA envelope": "oca:base16:asn1:" + DER.hex(),
    "OCA envelope in base64": base64.b64encode(b"oca:base16:asn1:" + DER.hex().encode()).decode(),
    "hex in base64": base64.b64encode(DER.hex().encode()).decode(),
}


@pytest.mark.parametrize("writing", WRITINGS)
def test_every_writing_becomes_der_in_hex(writing: str) -> None:
    assert normalise_public_key(WRITINGS[writing]) == DER.hex()


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.BrainpoolP256R1(), ec.SECP256K1(), ec.SECP192R1()])
def test_a_key_on_another_curve_is_kept(curve: ec.EllipticCurve) -> None:
    der = ec.derive_private_key(7, curve).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert normalise_public_key(der.hex()) == der.hex()


@pytest.mark.parametrize(
    ("writing", "why"),
    [
        ("", "is neither hex nor base64"),
        ("serial 4711", "neither hex nor base64"),
        ("0a0b", "is not a public key"),
        (DER.hex()[:-2], "is not a public key"),
        (POINT.hex()[:-1] + "0", "is not a point of secp256r1"),
        (PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), "is a PRIVATE key"),
        (PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode(), "is a PRIVATE key"),
        (RSA.hex(), "is not an elliptic-curve key"),
    ],
)
def test_what_is_no_key_is_refused_with_the_reason(writing: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as raised:
        normalise_public_key(writing)
    assert not writing or writing not in str(raised.value)


@given(
    st.one_of(
        st.text(max_size=80),
        st.binary(max_size=100).map(bytes.hex),
        st.binary(max_size=80).map(lambda b: base64.b64encode(b).decode()),
    )
)
def test_any_text_is_a_key_or_a_value_error(text: str) -> None:
    try:
        key = normalise_public_key(text)
    except ValueError:
        return
    assert normalise_public_key(key) == key
