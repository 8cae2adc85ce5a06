"""A receiver whose certificate does not hold is told nothing."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.services.webhooks.deliveries import Answer
from app.worker import posting

BODY = b'{"type":"loyalty.points.earned","secret":"nobody else may read this"}'
TOLD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nnoted"

PATIENCE_SECONDS = 5
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Wanted:
    """What a certificate says.

    Attributes:
        signer: who signed it: `trusted`, `unknown`, or `itself`.
        begins: from when it holds, seen from now.
    """

    signer: str = "trusted"
    name: str = "localhost"
    begins: timedelta = -YEAR
    ends: timedelta = YEAR


GOOD = Wanted()
BAD = {
    "signed by itself": replace(GOOD, signer="itself"),
    "of somebody whom nobody knows": replace(GOOD, signer="unknown"),
    "for another name": replace(GOOD, name="shop.example.com"),
    "for names below this one": replace(GOOD, name="*.localhost"),
    "over": replace(GOOD, begins=-2 * YEAR, ends=-timedelta(days=1)),
    "not good yet": replace(GOOD, begins=timedelta(days=1)),
}


class Signer:
    """Somebody who signs certificates."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _named(name)
        self.certificate = (
            _begun(self.name, self.key, GOOD)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .issuer_name(self.name)
            .sign(self.key, hashes.SHA256())
        )

    def write(self, path: Path, wanted: Wanted) -> Path:
        """Write a key and a certificate that this one signs, or that signs itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        signs_itself = wanted.signer == "itself"
        made = (
            _begun(_named(wanted.name), key, wanted)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(wanted.name)]), critical=False)
            .issuer_name(_named(wanted.name) if signs_itself else self.name)
            .sign(key if signs_itself else self.key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
        return path


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _begun(
    name: x509.Name, key: ec.EllipticCurvePrivateKey, wanted: Wanted
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + wanted.begins)
        .not_valid_after(now + wanted.ends)
    )


@contextmanager
def receiving(certificate: Path, heard: list[bytes]) -> Iterator[int]:
    """Serve one connection over TLS, note what is said in it, and give the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def answer(door: socket.socket) -> None:
        raw, _ = door.accept()
        raw.settimeout(PATIENCE_SECONDS)
        # Who is not believed is hung up on.
        with raw, suppress(OSError), context.wrap_socket(raw, server_side=True) as line:
            while piece := line.recv(65_536):
                heard.append(piece)
                if BODY in b"".join(heard):
                    line.sendall(TOLD)
                    return

    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(PATIENCE_SECONDS)
        thread = threading.Thread(target=answer, args=[door])
        thread.start()
        yield int(door.getsockname()[1])
        thread.join()


def posted(folder: Path, monkeypatch: pytest.MonkeyPatch, wanted: Wanted) -> tuple[Answer, bytes]:
    """Post to a receiver with a certificate, and give the answer and all that it heard."""
    signers = {name: Signer(name) for name in ("trusted", "unknown")}
    trusted = folder / "trusted.pem"
    trusted.write_bytes(signers["trusted"].certificate.public_bytes(serialization.Encoding.PEM))
    # Where OpenSSL looks for whom it trusts.
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    signer = signers.get(wanted.signer, signers["unknown"])
    heard: list[bytes] = []
    with receiving(signer.write(folder / "receiver.pem", wanted), heard) as port:
        url = f"https://localhost:{port}/hooks"
        answer = posting.post(url, {"webhook-id": "evt_1"}, BODY, allows_private=True)
    return answer, b"".join(heard)


def test_a_receiver_with_a_good_certificate_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, heard = posted(tmp_path, monkeypatch, GOOD)

    assert (answer.status, answer.start, answer.error) == (200, "noted", "")
    assert heard.startswith(b"POST /hooks HTTP/1.1\r\n")
    assert heard.endswith(BODY)


@pytest.mark.parametrize("wanted", BAD.values(), ids=BAD.keys())
def test_a_receiver_whose_certificate_does_not_hold_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: Wanted
) -> None:
    answer, heard = posted(tmp_path, monkeypatch, wanted)

    assert answer.status is None
    assert answer.error == "The certificate does not hold, or TLS failed."
    assert heard == b""
