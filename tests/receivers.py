"""A mail server and a receiver of webhooks, which are not ours: each keeps what it took, and can be made to fail.

The signature is checked as the standard tells receivers to, with nothing of ours.
"""

from __future__ import annotations

import base64
import datetime as dt
import email
import hashlib
import hmac
import ipaddress
import json
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(folder: Path) -> Path:
    """Write a certificate for this machine that nobody has signed but its own key, and that key; return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def server_context(file: Path) -> ssl.SSLContext:
    """Return how a server with this certificate speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@dataclass
class MailServer:
    """What it took; `refuses` answers every recipient with 550, `hangs_s` is how long it says nothing at first."""

    port: int = 0
    messages: list[bytes] = field(default_factory=list)
    refuses: bool = False
    hangs_s: float = 0.0

    def mails(self) -> list[Message]:
        return [email.message_from_bytes(message) for message in self.messages]


@contextmanager
def mail_server(*, port: int = 0, starttls: ssl.SSLContext | None = None) -> Iterator[MailServer]:
    """Run a mail server on loopback, with or without STARTTLS."""
    said = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            time.sleep(said.hangs_s)
            self.say("220 mail.example")
            while line := self.rfile.readline():
                verb = line.split(b" ")[0].strip().upper()
                if verb == b"EHLO" and starttls:
                    self.say("250-mail.example\r\n250 STARTTLS")
                elif verb == b"STARTTLS" and starttls:
                    self.say("220 go on")
                    self.request = starttls.wrap_socket(self.request, server_side=True)
                    self.setup()
                elif verb == b"RCPT" and said.refuses:
                    self.say("550 no such user: Joan Ferris")
                elif verb == b"DATA":
                    self.say("354 go on")
                    lines = list(iter(self.rfile.readline, b".\r\n"))
                    said.messages.append(b"".join(lines))
                    self.say("250 taken")
                elif verb == b"QUIT":
                    self.say("221 goodbye")
                    return
                else:
                    self.say("250 yes")

        def say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A caller that left is no news."""

    server = Server(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    said.port = server.server_address[1]
    try:
        yield said
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True)
class Posted:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """Return whether it is signed as the standard says, within five minutes of now."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        is_recent = abs(time.time() - int(self.headers["webhook-timestamp"])) < 300
        return is_recent and expected in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """What it was sent, by address; `statuses` are its answers to come, and 204 after them."""

    url: str = ""
    posted: list[Posted] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    hangs_s: float = 0.0
    body: bytes = b""


@contextmanager
def receiver(*, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver of webhooks on loopback, with or without TLS."""
    said = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            said.posted.append(Posted(self.path, headers, body))
            time.sleep(said.hangs_s)
            self.send_response(said.statuses.pop(0) if said.statuses else 204)
            for name, value in {"Content-Length": str(len(said.body)), **said.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  a caller that left is no news
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    said.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/alerts"
    try:
        yield said
    finally:
        server.shutdown()
        server.server_close()
