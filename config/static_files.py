"""Collects, hashes and mends the static files that come in packages, by name; nothing third-party is kept here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import django_htmx
from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage

from config.env import SettingError

NHSUK = Path("assets/node_modules/nhsuk-frontend/dist/nhsuk")
HTMX = Path(django_htmx.__file__).parent / "static" / "django_htmx"

# The style sheet takes its font from another host, which a page under our policy may not ask.
FONT_FACE = re.compile(rb"@font-face\s*\{[^}]*\}")
# Names a map that is not served; the manifest would look for it.
SOURCE_MAP = re.compile(rb"/[*/][#@]\s*sourceMappingURL=[^\s*]*(\s*\*/)?")


class MendedFiles(FileSystemStorage):
    """A package's folder, read with the mends that it needs to be served from here."""

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        opened: File[Any] = super()._open(name, mode)  # type: ignore[misc]  # documented for subclasses, not in the stubs
        if not name.endswith((".css", ".js")):
            return opened
        with opened:
            content = opened.read()
        return ContentFile(mend(content=content), name=name)


def mend(*, content: bytes) -> bytes:
    """Return a style sheet or script that asks no other host and no missing file."""
    content = SOURCE_MAP.sub(b"", FONT_FACE.sub(b"", content))
    return content.replace(b"url(/assets/", b"url(assets/")


class PackageFilesFinder(BaseFinder):
    """Finds the named files of nhsuk-frontend and of htmx."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.nhsuk = MendedFiles(location=settings.PROJECT / NHSUK)
        self.htmx = MendedFiles(location=HTMX)
        self.nhsuk.prefix = "nhsuk"  # type: ignore[attr-defined]
        self.htmx.prefix = "htmx"  # type: ignore[attr-defined]

    def check(self, **_: Any) -> list[Any]:
        """Return no complaint: what is missing is named when files are collected."""
        return []

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        """Yield the name and the storage of every file that is served.

        Raises: SettingError when set-up has not fetched them.
        """
        if not (settings.PROJECT / NHSUK).is_dir():
            raise SettingError("The style sheet has not been downloaded yet: `make demo` and `make test` download it.")
        yield "nhsuk-frontend.min.css", self.nhsuk
        yield "nhsuk-frontend.min.js", self.nhsuk
        for path in sorted((settings.PROJECT / NHSUK / "assets").rglob("*")):
            if path.is_file():
                yield str(path.relative_to(settings.PROJECT / NHSUK)), self.nhsuk
        yield "htmx-2.min.js", self.htmx
        yield "ext/hx-sse-2.min.js", self.htmx

    def find(self, path: str, find_all: bool = False, **_: Any) -> Any:
        """Return where a served file lies, for the development server."""
        found = [
            storage.path(name)
            for name, storage in self.list(None)
            if f"{storage.prefix}/{name}" == path  # type: ignore[attr-defined]
        ]
        return found if find_all else (found[0] if found else [])


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Names by content, so that a browser may keep them for ever; scripts' own imports are rewritten too."""

    support_js_module_import_aggregation = True
