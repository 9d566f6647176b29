"""`manage.py convert_record`: a source's saved answer to a FHIR R4 Bundle. Runs with no service and no setting."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aggregator.errors import Invalid
from aggregator.sources import catalogue
from connectors.bundle import as_bundle, report_lines
from connectors.contract.errors import SourceError
from connectors.contract.protocol import Connector
from connectors.contract.values import Reply


class Command(BaseCommand):
    help = (
        "Convert saved answers of a source to FHIR R4. The Bundle goes to standard output, or to a folder with --out; "
        "what was not carried over goes to standard error, or to a file with --report."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--kind", required=True, help="the kind of source, such as gp_connect or fhir_r4")
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="a saved answer")
        parser.add_argument("--out", type=Path, metavar="FOLDER", help="write to FOLDER, created if missing")
        parser.add_argument("--report", type=Path, metavar="FILE", help="write what was not carried over to a file")

    def handle(self, *, kind: str, files: list[Path], out: Path | None, report: Path | None, **_: Any) -> None:
        try:
            connector = catalogue.connector_for(kind=kind)
        except Invalid as error:
            raise CommandError(str(error)) from None
        if len(files) > 1 and out is None:
            raise CommandError("Several files need --out FOLDER.")
        targets = _targets(files=files, out=out)
        failed: list[str] = []
        lines: list[str] = []
        for file, target in zip(files, targets, strict=True):
            try:
                reply = _read(connector=connector, file=file)
                self._write(reply=reply, target=target)
            except CommandError as error:
                failed.append(str(error))
                continue
            named = [f"{file.name}:"] if len(files) > 1 else []
            lines += [*named, *report_lines(reply=reply)]
        self._report(lines=lines, target=report)
        if failed:
            raise CommandError("\n".join(failed))

    def _write(self, *, reply: Reply, target: Path | None) -> None:
        text = as_bundle(reply=reply).decode()
        if target is None:
            self._print(text=text)
            return
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{target}: cannot be written ({error.strerror}).") from None

    def _print(self, *, text: str) -> None:
        try:
            self.stdout.write(text)
            self.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter's own flush fails too
            raise CommandError("Standard output was closed before the Bundle had been written.") from None

    def _report(self, *, lines: list[str], target: Path | None) -> None:
        text = "\n".join(lines)
        if target is None:
            self.stderr.write(text, style_func=str)
            return
        try:
            target.write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{target}: cannot be written ({error.strerror}).") from None


def _targets(*, files: list[Path], out: Path | None) -> list[Path | None]:
    if out is None:
        return [None] * len(files)
    targets = [out / f"{file.stem}.json" for file in files]
    if len(set(targets)) < len(targets):
        raise CommandError("Two of the files have the same name; convert them separately.")
    if {target.resolve() for target in targets} & {file.resolve() for file in files}:
        raise CommandError("--out would overwrite one of the input files.")
    return [*targets]


def _read(*, connector: Connector, file: Path) -> Reply:
    try:
        payload = file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: cannot be read ({error.strerror}).") from None
    try:
        return connector.convert(payload=payload)
    except SourceError as error:
        raise CommandError(f"{file}: holds no record ({error}).") from None
