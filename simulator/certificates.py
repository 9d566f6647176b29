"""Certificates for TLS on the loopback address: an authority, a server's and a client's, good for a day."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, kw_only=True)
class Authority:
    """Files in PEM: the authority's certificate, and a certificate with its key for a server and for a client."""

    trusted: Path
    server: Path
    client: Path

    def server_context(self, *, asks_for_client: bool = False) -> ssl.SSLContext:
        """Return how a server of this authority's speaks TLS; it may ask for a certificate of the authority's."""
        return server_context(certificate=self.server, client_authority=self.trusted if asks_for_client else None)


def server_context(*, certificate: Path, client_authority: Path | None = None) -> ssl.SSLContext:
    """Return how a server with a certificate speaks TLS; with an authority it asks clients for one of that authority's.

    Raises: OSError, ssl.SSLError among them, when a file cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(certificate))
    if client_authority:
        context.load_verify_locations(cafile=str(client_authority))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def make_authority(folder: Path, *, name: str = "authority") -> Authority:
    """Make an authority and what it certifies."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(name=name, key=key, issuer=name, signer=key, is_authority=True)
    trusted = folder / f"{name}.pem"
    trusted.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files = {}
    for holder in ("server", "client"):
        own = ec.generate_private_key(ec.SECP256R1())
        issued = _certificate(name=holder, key=own, issuer=name, signer=key, is_authority=False)
        files[holder] = folder / f"{name}-{holder}.pem"
        private = own.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        files[holder].write_bytes(issued.public_bytes(serialization.Encoding.PEM) + private)
    return Authority(trusted=trusted, server=files["server"], client=files["client"])


def _certificate(
    *,
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    signer: ec.EllipticCurvePrivateKey,
    is_authority: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if not is_authority:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
    return builder.add_extension(usage, critical=True).sign(signer, hashes.SHA256())
