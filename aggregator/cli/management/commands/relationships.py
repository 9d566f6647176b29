"""`manage.py relationships`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.arguments import add_days, add_end, identifier
from aggregator.errors import LongviewError
from aggregator.services.changes.propose_change import propose_change
from aggregator.services.relationships.end_relationship import end_relationship
from aggregator.services.relationships.list_relationships import list_relationships

KINDS = ("registered", "attended", "referred")


class Command(BaseCommand):
    help = "List who cares for a person; record, change or end how an organisation does."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", metavar="list | record | change | end", required=True)
        listing = acts.add_parser("list", help="list who cares for a person, now and before")
        listing.add_argument("person", metavar="PERSON", help="the person's id")
        listing.add_argument("--json", action="store_true", help="print JSON")
        record = acts.add_parser("record", help="record that an organisation cares for a person")
        record.add_argument("person", metavar="PERSON", help="the person's id")
        record.add_argument("--ods", required=True, help="ODS code of the organisation")
        record.add_argument("--kind", required=True, choices=KINDS)
        add_days(record)
        change = acts.add_parser("change", help="end a relationship and record another in its place")
        change.add_argument("relationship", metavar="ID")
        change.add_argument("--kind", required=True, choices=KINDS)
        add_days(change)
        end = acts.add_parser("end", help="end a relationship")
        end.add_argument("relationship", metavar="ID")
        add_end(end)

    def handle(self, *args: Any, **options: Any) -> None:
        acts = {"list": self._list, "record": self._record, "change": self._change, "end": self._end}
        try:
            acts[options["act"]](options)
        except LongviewError as error:
            raise CommandError(str(error)) from None

    def _list(self, options: dict[str, Any]) -> None:
        person_id = identifier(options["person"])
        listed = list_relationships(requester=operator(), person_id=person_id, now=timezone.now())
        lines = [
            {
                "id": str(each.id),
                "state": each.state,
                "kind": each.terms.kind,
                "organisation": each.organisation_name,
                "user": each.user_name,
                "from_date": each.terms.from_date.isoformat(),
                "until_date": each.terms.until_date.isoformat() if each.terms.until_date else "",
            }
            for each in listed.relationships
        ]
        if options["json"]:
            self.stdout.write(json.dumps(lines, indent=2))
        else:
            self.stdout.write("\n".join("  ".join(filter(None, line.values())) for line in lines))

    def _record(self, options: dict[str, Any]) -> None:
        terms = {"person_id": options["person"], "organisation_ods": options["ods"]}
        self._made(options, kind="record-relationship", terms=terms)

    def _change(self, options: dict[str, Any]) -> None:
        self._made(options, kind="change-relationship", terms={"relationship_id": options["relationship"]})

    def _made(self, options: dict[str, Any], *, kind: str, terms: dict[str, str]) -> None:
        said = {name: options[name] for name in ("kind", "from_date", "until_date", "reason")}
        made = propose_change(
            requester=operator(), kind=kind, terms={**terms, **said}, reason=options["reason"], now=timezone.now()
        )
        self.stdout.write(f"{made.made_id} is recorded.")

    def _end(self, options: dict[str, Any]) -> None:
        end_relationship(
            requester=operator(),
            relationship_id=identifier(options["relationship"]),
            last_day=options["last_day"],
            reason=options["reason"],
            now=timezone.now(),
        )
        self.stdout.write(f"{options['relationship']} ends.")
