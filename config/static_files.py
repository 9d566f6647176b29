"""Finds, fixes and hashes the static files that come from packages, so that no third-party file is kept here."""

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

# The style sheet loads its font from another host, which our content security policy forbids.
FONT_FACE = re.compile(rb"@font-face\s*\{[^}]*\}")
# Refers to a source map that is not served; the manifest would fail on it.
SOURCE_MAP = re.compile(rb"/[*/][#@]\s*sourceMappingURL=[^\s*]*(\s*\*/)?")


class FixedFiles(FileSystemStorage):
    """A package's folder, whose style sheets and scripts are changed as needed to serve them from here."""

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        opened: File[Any] = super()._open(name, mode)  # type: ignore[misc]  # documented for subclasses, not in the stubs
        if not name.endswith((".css", ".js")):
            return opened
        with opened:
            content = opened.read()
        return ContentFile(fixed(content=content), name=name)


def fixed(*, content: bytes) -> bytes:
    """Return a style sheet or script that refers to no other host and no missing file."""
    content = SOURCE_MAP.sub(b"", FONT_FACE.sub(b"", content))
    return content.replace(b"url(/assets/", b"url(assets/")


class PackageFilesFinder(BaseFinder):
    """Finds the files of nhsuk-frontend and htmx that the pages use."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.nhsuk = FixedFiles(location=settings.PROJECT / NHSUK)
        self.htmx = FixedFiles(location=HTMX)
        self.nhsuk.prefix = "nhsuk"  # type: ignore[attr-defined]
        self.htmx.prefix = "htmx"  # type: ignore[attr-defined]

    def check(self, **_: Any) -> list[Any]:
        """Return no message: missing files are reported when files are collected."""
        return []

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        """Yield the name and the storage of every file that is served.

        Raises: SettingError when set-up has not downloaded them.
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
        """Return the path of a served file, for the development server."""
        paths = [
            storage.path(name)
            for name, storage in self.list(None)
            if f"{storage.prefix}/{name}" == path  # type: ignore[attr-defined]
        ]
        return paths if find_all else (paths[0] if paths else [])


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """File names with a content hash, so that browsers can cache them for ever; also in the imports of scripts."""

    support_js_module_import_aggregation = True
