"""`manage.py review_break_glass`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.arguments import identifier
from aggregator.errors import LongviewError
from aggregator.services.break_glass.cases import ReviewCase
from aggregator.services.break_glass.list_break_glass import list_break_glass
from aggregator.services.break_glass.read_break_glass import read_break_glass
from aggregator.services.break_glass.review_break_glass import review_break_glass


class Command(BaseCommand):
    help = "List who opened records in an emergency, or by their own claim, and give a verdict on a case."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", metavar="list | show | verdict", required=True)
        listing = acts.add_parser("list", help="list the cases that wait, the oldest first")
        listing.add_argument("--closed", action="store_true", help="those that have been closed, the latest first")
        listing.add_argument("--page", type=int, default=1)
        listing.add_argument("--json", action="store_true", help="print JSON")
        show = acts.add_parser("show", help="show one case")
        show.add_argument("case", metavar="ID")
        verdict = acts.add_parser("verdict", help="give a verdict; it cannot be changed later")
        verdict.add_argument("case", metavar="ID")
        verdict.add_argument("verdict", choices=("appropriate", "not-appropriate", "needs-conversation"))
        verdict.add_argument("--note", required=True, help="what was found")

    def handle(self, *args: Any, **options: Any) -> None:
        acts = {"list": self._list, "show": self._show, "verdict": self._verdict}
        try:
            acts[options["act"]](options)
        except LongviewError as error:
            raise CommandError(str(error)) from None

    def _list(self, options: dict[str, Any]) -> None:
        listed = list_break_glass(
            requester=operator(), is_closed=options["closed"], page=options["page"], now=timezone.now()
        )
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(case) for case in listed.cases], indent=2))
            return
        for case in listed.cases:
            days = f"{case.age_in_days} {'day' if case.age_in_days == 1 else 'days'}"
            stands_out = " ".join(signal.words for signal in case.signals)
            said = f"{case.access.id}  {days}  {case.user_name} {case.access.kind.words}  {stands_out}"
            self.stdout.write(said.rstrip())
        self.stdout.write(f"{listed.count} in all; page {listed.page} of {listed.pages}.")

    def _show(self, options: dict[str, Any]) -> None:
        case = read_break_glass(requester=operator(), access_id=identifier(options["case"]), now=timezone.now())
        self.stdout.write(json.dumps(_as_json(case), indent=2))

    def _verdict(self, options: dict[str, Any]) -> None:
        review_break_glass(
            requester=operator(),
            access_id=identifier(options["case"]),
            verdict=options["verdict"],
            note=options["note"],
            now=timezone.now(),
        )
        self.stdout.write(f"{options['case']}: {options['verdict']}.")


def _as_json(case: ReviewCase, /) -> dict[str, Any]:
    return {
        "id": str(case.access.id),
        "kind": case.access.kind,
        "user": case.user_name,
        "organisation": case.organisation_name,
        "person": str(case.access.person_id),
        "reason": case.access.reason,
        "note": case.access.note,
        "began_at": case.access.began_at.isoformat(),
        "ends_at": case.access.ends_at.isoformat(),
        "age_in_days": case.age_in_days,
        "opened": dict(case.opened),
        "signals": [signal.words for signal in case.signals],
        "unknown": list(case.unknowns),
        "verdicts": [review.verdict for review, _ in case.reviews],
    }
