"""`manage.py review_links`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import date
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.errors import LongviewError, NotFound
from aggregator.mpi.reviews import ReviewSummary
from aggregator.services.list_reviews import list_reviews
from aggregator.services.read_review import ReviewView, read_review
from aggregator.services.settle_review import settle_review
from aggregator.services.take_back_review import take_back_review


class Command(BaseCommand):
    help = "List the doubts about identity, show both sides of one, settle it, or take a decision back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--settled", action="store_true", help="list the settled doubts in place of the open ones")
        parser.add_argument("--cause", default="", help="list only those of one cause, such as same-number")
        parser.add_argument("--source", default="", metavar="SLUG", help="list only those about one source's records")
        parser.add_argument("--page", type=int, default=1, metavar="N", help="the page of the list")
        acts = parser.add_subparsers(dest="act", metavar="show | settle | take-back")
        show = acts.add_parser("show", help="show both sides of a doubt, field by field")
        show.add_argument("review", metavar="ID")
        show.add_argument("--json", action="store_true", dest="json_here", help="print JSON")
        settle = acts.add_parser("settle", help="settle an open doubt")
        settle.add_argument("review", metavar="ID")
        settle.add_argument(
            "--decision",
            required=True,
            help="take-new-values or end-link (demographics-changed), accept-fields or end-link "
            "(answer-about-another), noted or end-link (entry-about-another), noted, end-link or join (all others)",
        )
        settle.add_argument(
            "--accept",
            action="append",
            default=[],
            metavar="FIELD",
            help="a field to accept from now on, such as birth_date; may be repeated",
        )
        settle.add_argument("--note", required=True, help="why")
        take_back = acts.add_parser("take-back", help="undo the decision and open the doubt again")
        take_back.add_argument("review", metavar="ID")

    def handle(self, *args: Any, **options: Any) -> None:
        acts = {"show": self._show, "settle": self._settle, "take-back": self._take_back, None: self._list}
        try:
            acts[options["act"]](options)
        except LongviewError as error:
            raise CommandError(str(error)) from None

    def _list(self, options: dict[str, Any]) -> None:
        try:
            found = list_reviews(
                requester=operator(),
                is_settled=options["settled"],
                cause=options["cause"],
                source_slug=options["source"],
                page=options["page"],
            )
        except NotFound:
            raise CommandError("There is no such page: leave --page out for the first.") from None
        if options["json"]:
            counts = {"open": found.open_count, "settled": found.settled_count, "count": found.count}
            pages = {"page": found.page, "pages": found.pages}
            shown = [_as_json(line) for line in found.reviews]
            self.stdout.write(json.dumps({**counts, **pages, "reviews": shown}, indent=2))
            return
        for line in found.reviews:
            state = f"settled {line.settled_at:%Y-%m-%d} {line.decision or ''}" if line.settled_at else "open"
            self.stdout.write(
                f"{line.review_id}  {line.raised_at:%Y-%m-%d %H:%M}  {line.source_slug}  {line.cause}  {state}".rstrip()
            )
        page = f" Page {found.page} of {found.pages}; --page names another." if found.pages > 1 else ""
        matching = f" Matching: {found.count}." if found.cause or found.source_slug else ""
        self.stdout.write(f"{found.open_count} open, {found.settled_count} settled.{matching}{page}")

    def _show(self, options: dict[str, Any]) -> None:
        view = read_review(requester=operator(), review_id=_identifier(options["review"]))
        if options["json"] or options["json_here"]:
            self.stdout.write(json.dumps(_view_as_json(view), indent=2))
            return
        self.stdout.write(f"{view.summary.cause_words} ({view.summary.cause}), {view.summary.source_name}")
        for row in view.rows:
            self.stdout.write(f"\n{row.label}{'  DIFFERS' if row.differs or row.evidence else ''}")
            for heading, value in zip(view.columns, row.values, strict=True):
                self.stdout.write(f"  {heading}: {_text(value) or '-'}")
        if view.against:
            self.stdout.write(f"\nThe records of the two people contradict each other in: {', '.join(view.against)}")
        if view.may_not_join:
            self.stdout.write("Each has a verified NHS number of their own: they cannot be joined.")
        self.stdout.write(f"\nIt can be settled by: {', '.join(view.decisions)}")

    def _settle(self, options: dict[str, Any]) -> None:
        settle_review(
            requester=operator(),
            review_id=_identifier(options["review"]),
            decision=options["decision"],
            fields=tuple(options["accept"]),
            note=options["note"],
            now=timezone.now(),
        )
        self.stdout.write(f"{options['review']} is settled: {options['decision']}.")

    def _take_back(self, options: dict[str, Any]) -> None:
        take_back_review(requester=operator(), review_id=_identifier(options["review"]), now=timezone.now())
        self.stdout.write(f"{options['review']} is open again.")


def _identifier(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise CommandError("Name a doubt by its id, as shown in the list.") from None


def _as_json(line: ReviewSummary) -> dict[str, Any]:
    return {
        "id": str(line.review_id),
        "cause": line.cause,
        "source": line.source_slug,
        "person": str(line.person_id),
        "raised_at": line.raised_at.isoformat(),
        "settled_at": line.settled_at.isoformat() if line.settled_at else None,
        "decision": line.decision,
    }


def _view_as_json(view: ReviewView) -> dict[str, Any]:
    return {
        **_as_json(view.summary),
        "decisions": list(view.decisions),
        "acceptable": [field for field, _ in view.acceptable],
        "against": list(view.against),
        "may_not_join": view.may_not_join,
        "columns": list(view.columns),
        "fields": [
            {"field": row.label, "values": [_text(value) for value in row.values], "differs": row.differs}
            for row in view.rows
        ],
    }


def _text(value: str | date | None) -> str:
    return value.isoformat() if isinstance(value, date) else value or ""
