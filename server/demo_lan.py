"""`--lan`: HTTPS for phones on the same network, by a certificate authority of this demo's own.

Phones give no camera to a page without HTTPS. The authority's key never leaves this folder.
"""

import ipaddress
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import segno
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from server.keys import write_secret

AUTHORITY_LASTS = timedelta(days=365)
CERTIFICATE_LASTS = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class LanAddress:
    """This machine on its network, and the certificate files for it."""

    host: str
    folder: Path

    def env(self, media_port: int) -> dict[str, str]:
        certificate, key = str(self.folder / "server.pem"), str(self.folder / "server.key")
        return {
            "CHIBO_HOST": "0.0.0.0",
            "CHIBO_MEDIA_HOST": "0.0.0.0",
            "CHIBO_MEDIA_NODE_IP": self.host,
            "CHIBO_TLS_CERT": certificate,
            "CHIBO_TLS_KEY": key,
            "LIVEKIT_URL": f"wss://{self.host}:{media_port}",
            "LIVEKIT_INTERNAL_URL": f"https://127.0.0.1:{media_port}",
            # Our own processes trust this authority and, in the demo, need no other.
            "SSL_CERT_FILE": str(self.folder / "authority.pem"),
        }

    def show(self, url: str) -> None:
        print(f"  Điện thoại cùng mạng: quét mã, hoặc mở {url}")
        print("  Lần đầu trình duyệt sẽ hỏi vì chứng thư do máy này tự cấp. Muốn khỏi hỏi thì cài")
        print(f"  {self.folder / 'authority.pem'} vào điện thoại.", flush=True)
        segno.make(url, error="m").terminal(compact=True)


def prepare_lan(root: Path) -> LanAddress:
    """Finds this machine's address, and makes the authority and certificate when needed."""
    host, folder = own_address(), root / "lan"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / "authority.pem").exists():
        _make_authority(folder)
    (folder / "server.key").unlink(missing_ok=True)
    _make_certificate(folder, host)  # anew at every start: the address may have changed
    return LanAddress(host, folder)


def own_address() -> str:
    """The address that this machine would send from. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: documentation, never assigned
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _make_authority(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Chi bộ, chạy thử trên máy này")
    certificate = (
        _builder(name, name, key.public_key(), AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    write_secret(folder / "authority.key", _pem(key))
    (folder / "authority.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _make_certificate(folder: Path, host: str) -> None:
    loaded = serialization.load_pem_private_key((folder / "authority.key").read_bytes(), None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    authority = x509.load_pem_x509_certificate((folder / "authority.pem").read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.DNSName("*.localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    if host != "127.0.0.1":
        names.append(x509.IPAddress(ipaddress.ip_address(host)))
    issuer = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    certificate = (
        _builder(_name(host), authority.subject, key.public_key(), CERTIFICATE_LASTS)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False
        )
        .sign(loaded, hashes.SHA256())
    )
    write_secret(folder / "server.key", _pem(key))
    chain = [certificate, authority]
    (folder / "server.pem").write_bytes(
        b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, lasts: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
