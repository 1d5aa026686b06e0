"""Certificates and keys in PEM form: made, read and told apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = ["algorithm_of", "blocks", "certificate_of", "is_root", "new_key", "now", "private_key_of"]

_YEARS = 10


def new_key() -> str:
    """A key, its certificate and its root, as C2PA asks for (specification 2.2, section 14.5).

    The names in them say nothing of the user.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    today = now()

    def name(common: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "self-made"),
                x509.NameAttribute(NameOID.COMMON_NAME, common),
            ]
        )

    def certificate(common: str, public: ec.EllipticCurvePublicKey, *, root: bool) -> x509.CertificateBuilder:
        usage = x509.KeyUsage(
            digital_signature=not root,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=root,
            crl_sign=root,
            encipher_only=False,
            decipher_only=False,
        )
        return (
            x509.CertificateBuilder()
            .subject_name(name(common))
            .issuer_name(name("facefusion-cli root"))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(today - timedelta(days=1))  # other clocks may be late
            .not_valid_after(today + timedelta(days=365 * _YEARS))
            .add_extension(x509.BasicConstraints(root, 0 if root else None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        )

    above = certificate("facefusion-cli root", root_key.public_key(), root=True)
    below = certificate("facefusion-cli", key.public_key(), root=False).add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    certificates = [one.sign(root_key, hashes.SHA256()).public_bytes(pem) for one in (below, above)]
    return b"".join([secret, *certificates]).decode("ascii")


def blocks(text: str, kind: str) -> list[str]:
    """The blocks of one kind ("CERTIFICATE") in a text of PEM form."""
    begin, end = f"-----BEGIN {kind}-----", f"-----END {kind}-----"
    return [f"{begin}{part.partition(end)[0]}{end}\n" for part in text.split(begin)[1:]]


def is_root(block: str) -> bool:
    """Whether a certificate was signed by nobody else.

    Raises:
        UsageError: it is damaged.
    """
    certificate = certificate_of(block)
    return certificate.subject == certificate.issuer


def certificate_of(text: str) -> x509.Certificate:
    """The first certificate in a text.

    Raises:
        UsageError: it is damaged.
    """
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(text.encode())
    except ValueError as error:
        raise UsageError("a certificate for C2PA is damaged.") from error


def private_key_of(text: str) -> PrivateKeyTypes:
    """The private key in a text.

    Raises:
        UsageError: it is damaged, or has a password.
    """
    from cryptography.hazmat.primitives import serialization

    try:
        return serialization.load_pem_private_key(text.encode(), None)
    except (TypeError, ValueError) as error:
        raise UsageError("the private key for C2PA cannot be read: damaged, or with a password.") from error


def algorithm_of(key: PrivateKeyTypes) -> str:
    """What C2PA calls the algorithm of a private key.

    Raises:
        UsageError: it has none for it.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey):
        curves = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
        if key.curve.name in curves:
            return curves[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    raise UsageError("C2PA has no use for a private key of this kind: P-256, P-384, P-521, Ed25519 or RSA are good.")


def now() -> datetime:
    """The time by which certificates begin and end."""
    return datetime.now(UTC)
