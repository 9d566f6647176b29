"""`manage.py merge_record`: runs on files only, with no service and no setting."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aggregator.mpi.matching import answer_disagreements
from aggregator.mpi.subject import demographics_of_patient
from aggregator.record import document, merge
from aggregator.record.item import Item
from aggregator.sources import catalogue
from connectors.bundle import as_converted
from connectors.contract.errors import SourceError
from connectors.contract.values import Reply

FORMATS = {"text": document.as_text, "json": document.as_json}


class Command(BaseCommand):
    help = (
        "Merge FHIR R4 Bundles of one person, one file per source, into one longitudinal record: entries, conflicts, "
        "and what was set aside."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="an R4 Bundle, such as convert_record writes")
        parser.add_argument("--format", choices=sorted(FORMATS), default="text")
        parser.add_argument("--json", action="store_const", const="json", dest="format", help="same as --format json")
        parser.add_argument(
            "--allow-different-people",
            action="store_true",
            help="merge the files even if they are about different people",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        replies = [(source_id, _read(name=name)) for source_id, name in _source_names(options["files"])]
        if not options["allow_different_people"]:
            _expect_one_person(replies=replies)
        items: list[Item] = []
        quarantined: Counter[str] = Counter()
        for source_id, reply in replies:
            items.extend(document.items_of(reply=reply, source_id=source_id))
            quarantined.update(entry.reason for entry in reply.quarantined)
        record = merge.merge(items=items)
        self.stdout.write(FORMATS[options["format"]](record=record, quarantined=quarantined))


def _read(*, name: str) -> Reply:
    try:
        return as_converted(reply=catalogue.connector_for(kind="fhir_r4").convert(payload=Path(name).read_bytes()))
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {type(error).__name__}.") from None
    except SourceError as error:
        raise CommandError(f"{name} holds no record: {error}.") from None


def _expect_one_person(*, replies: list[tuple[str, Reply]]) -> None:
    """Raise CommandError when two files cannot be about one person; it names fields, never values."""
    people = [
        (source_id, demographics_of_patient(patient=reply.subject)) for source_id, reply in replies if reply.subject
    ]
    for (first, first_person), (second, second_person) in combinations(people, 2):
        if differing := answer_disagreements(asked=first_person, answered=second_person):
            fields = ", ".join(field.replace("nhs", "NHS").replace("_", " ") for field in differing)
            raise CommandError(
                f"{first} and {second} are about different people (they differ in {fields}); "
                "use --allow-different-people to merge them anyway."
            )


def _source_names(files: list[str]) -> list[tuple[str, str]]:
    """Return a name for each file's source: the file's stem, numbered where two files have the same one."""
    seen: Counter[str] = Counter()
    named: list[tuple[str, str]] = []
    for name in files:
        stem = Path(name).stem
        seen[stem] += 1
        named.append((stem if seen[stem] == 1 else f"{stem}-{seen[stem]}", name))
    return named
