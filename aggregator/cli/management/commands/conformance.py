"""`manage.py conformance`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.arguments import option_pairs
from aggregator.errors import LongviewError
from aggregator.services.sources.examine_address import UnregisteredSystem, examine_address
from aggregator.services.sources.examine_source import examine_source
from aggregator.services.sources.examining import ConformanceReport, Examinee
from aggregator.services.sources.list_sources import list_sources
from connectors.contract.conformance import Finding, Point, PointLevel, PointVerdict

MISSED, NOT_EXAMINED = 1, 2
# What is given with the address of a system that is not registered; of a registered one its settings say it.
_OF_ADDRESSES = {"option": "--option", "identifier_system": "--identifier-system", "time_limit": "--time-limit"}


class Command(BaseCommand):
    help = (
        "Report where a system falls short of the standard of its kind: each point that the standard requires or "
        "recommends, whether it was met, missed or could not be tested, and the clause. Without --patient nobody's "
        "record is read. With it, a test patient's record is read at the system: that is an access to a record, is "
        "audited as one, and nothing of the record is shown. Exit status: 0 when no required point is missed, 1 when "
        "one is or not all were looked at, 2 when nothing was examined."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("system", metavar="SOURCE|URL", help="a source's short name, or an address with --kind")
        parser.add_argument("--kind", help="its kind, such as fhir_r4 or gp_connect; a source has its own")
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument(
            "--patient",
            default="",
            metavar="NHS_NUMBER_OR_LOCAL_ID",
            help="read this test patient's record: an NHS number beginning with 9, an identifier of the system's own, "
            "or SYSTEM|VALUE",
        )
        parser.add_argument(
            "--withheld-patient",
            default="",
            metavar="NHS_NUMBER_OR_LOCAL_ID",
            help="a test patient whose record the system is to refuse, since they dissent to sharing it",
        )
        parser.add_argument(
            "--as",
            dest="asked_as",
            default="",
            metavar="USERNAME",
            help="your own account: systems of some kinds, such as gp_connect, are told in whose name they are asked",
        )
        parser.add_argument("--ods", default="", help="at which organisation, where that account has several roles")
        parser.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="with an address: a setting of its kind, as add_source has them; may be repeated",
        )
        parser.add_argument(
            "--identifier-system",
            default="",
            help="with an address: system of its patients' identifiers (fhir_r4 only; default: its FHIR ids)",
        )
        parser.add_argument(
            "--time-limit", type=float, metavar="SECONDS", help="with an address: how long one request may take (9)"
        )
        parser.add_argument(
            "--within",
            type=float,
            default=300.0,
            metavar="SECONDS",
            help="how long all of it may take (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        examinee = Examinee(
            patient=options["patient"],
            patient_withheld=options["withheld_patient"],
            asked_as=options["asked_as"],
            ods=options["ods"].strip().upper(),
        )
        shown = _Progress(self) if self.stderr.isatty() else None
        told = shown.note if shown else _say_nothing
        try:
            if "://" in options["system"]:
                report = self._of_address(examinee=examinee, told=told, now=now, **options)
            else:
                report = self._of_source(examinee=examinee, told=told, now=now, **options)
        except LongviewError as error:
            raise CommandError(str(error), returncode=NOT_EXAMINED) from None
        finally:
            if shown:
                shown.clear()
        lines = json.dumps(_as_json(report, options=options, now=now), indent=2) if options["json"] else _table(report)
        self.stdout.write(lines)
        if not report.is_kept:
            raise CommandError(_shortfall(report), returncode=MISSED)

    def _of_address(self, *, examinee: Examinee, told: Any, now: datetime, **options: Any) -> ConformanceReport:
        if not options["kind"]:
            raise CommandError("Say of what kind the system at this address is, with --kind.", returncode=NOT_EXAMINED)
        return examine_address(
            requester=operator(),
            system=UnregisteredSystem(
                kind=options["kind"],
                base_url=options["system"],
                identifier_system=options["identifier_system"],
                options=_options(options["option"]),
                time_limit_s=UnregisteredSystem.time_limit_s
                if options["time_limit"] is None
                else options["time_limit"],
            ),
            examinee=examinee,
            within_s=options["within"],
            told=told,
            now=now,
        )

    def _of_source(self, *, examinee: Examinee, told: Any, now: datetime, **options: Any) -> ConformanceReport:
        given = [flag for name, flag in _OF_ADDRESSES.items() if options[name] not in (None, "", [])]
        if given:
            words = f"A source is asked as it is registered: {', '.join(given)} is for an address."
            raise CommandError(words, returncode=NOT_EXAMINED)
        sources = list_sources(requester=operator(), now=now)
        source = next((line for line in sources if line.slug == options["system"]), None)
        if source is None:
            raise CommandError("There is no source of this short name.", returncode=NOT_EXAMINED)
        if options["kind"] not in (None, source.kind):
            raise CommandError(f"This source is of the kind {source.kind}.", returncode=NOT_EXAMINED)
        return examine_source(
            requester=operator(),
            source_id=source.source_id,
            examinee=examinee,
            within_s=options["within"],
            told=told,
            now=now,
        )


class _Progress:
    """One line on the terminal, written over with each finding."""

    def __init__(self, command: Command) -> None:
        self._write = command.stderr.write
        self._count = 0

    def note(self, point: Point, finding: Finding) -> None:
        self._count += 1
        self._write(f"\r\033[K{self._count} points: {point.id} {finding.verdict.words}", style_func=str, ending="")

    def clear(self) -> None:
        self._write("\r\033[K", style_func=str, ending="")


def _say_nothing(_: Point, __: Finding) -> None:
    """Nobody watches."""


def _options(given: list[str]) -> dict[str, str]:
    try:
        return option_pairs(given)
    except CommandError as error:
        raise CommandError(str(error), returncode=NOT_EXAMINED) from None


def _table(report: ConformanceReport, /) -> str:
    verdict_width = max(len(verdict.words) for verdict in PointVerdict)
    level_width = max(len(level.words) for level in PointLevel)
    id_width = max(len(point.id) for point, _ in report.findings)
    indent = " " * (verdict_width + level_width + id_width + 6)
    lines: list[str] = []
    for point, found in report.findings:
        head = f"{found.verdict.words:{verdict_width}}  {point.level.words:{level_width}}  {point.id:{id_width}}"
        lines += [f"{head}  {point.demand}", f"{indent}{found.evidence}", f"{indent}{point.clause}: {point.address}"]
    return "\n".join([*lines, "", *(_sum_of(report, level=level) for level in PointLevel)])


def _sum_of(report: ConformanceReport, /, *, level: PointLevel) -> str:
    counts = ((verdict, report.count(level=level, verdict=verdict)) for verdict in PointVerdict)
    return f"{level.words}: {', '.join(f'{count} {verdict.words}' for verdict, count in counts)}"


def _shortfall(report: ConformanceReport, /) -> str:
    missed = [
        p.id for p, found in report.findings if (p.level, found.verdict) == (PointLevel.REQUIRED, PointVerdict.MISSED)
    ]
    if missed:
        return f"It misses {len(missed)} of the points that its standard requires: {', '.join(missed)}."
    if not report.is_whole:
        return "Not every point was looked at: allow more time with --within."
    return "Nothing that its standard requires could be tested."


def _as_json(report: ConformanceReport, *, options: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "system": options["system"],
        "kind": report.kind,
        "at": now.isoformat(timespec="seconds"),
        "with_patient": bool(options["patient"]),
        "complete": report.is_whole,
        "kept": report.is_kept,
        "counts": {
            level.value: {verdict.value: report.count(level=level, verdict=verdict) for verdict in PointVerdict}
            for level in PointLevel
        },
        "points": [
            {
                "id": point.id,
                "level": point.level.value,
                "verdict": found.verdict.value,
                "evidence": found.evidence,
                "demand": point.demand,
                "clause": point.clause,
                "address": point.address,
            }
            for point, found in report.findings
        ],
    }
