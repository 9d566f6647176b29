"""Certificates other than the usual: our own, shown when connecting, and those by which a source's is judged."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """Files in PEM: `own` is our certificate with its key, `trusted` the authorities; None: none, and the usual."""

    own: Path | None
    trusted: Path | None


class TlsContexts:
    """The TLS contexts of one client: each is made once, and made anew when a file of it has been replaced."""

    def __init__(self) -> None:
        self._made: dict[TlsFiles, tuple[tuple[int, ...], ssl.SSLContext]] = {}

    def of(self, files: TlsFiles, /) -> ssl.SSLContext:
        """Return the context of some files.

        Raises: OSError, ssl.SSLError among them, when one cannot be read.
        """
        stamp = tuple(path.stat().st_mtime_ns for path in (files.own, files.trusted) if path)
        made = self._made.get(files)
        if made is None or made[0] != stamp:
            context = ssl.create_default_context(cafile=str(files.trusted) if files.trusted else None)
            if files.own:
                # Of a key that has a password OpenSSL would ask at the terminal, and hold up the event loop until then.
                context.load_cert_chain(str(files.own), password="")
            made = self._made[files] = (stamp, context)
        return made[1]
