"""`manage.py care_teams`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.arguments import add_days, add_end, identifier
from aggregator.errors import LongviewError
from aggregator.services.care_teams.add_care_team import add_care_team
from aggregator.services.care_teams.end_care_team import end_care_team
from aggregator.services.care_teams.end_care_team_member import end_care_team_member
from aggregator.services.care_teams.end_care_team_patient import end_care_team_patient
from aggregator.services.care_teams.list_care_teams import list_care_teams
from aggregator.services.care_teams.read_care_team import read_care_team
from aggregator.services.changes.propose_change import propose_change


class Command(BaseCommand):
    help = "List, show, add, fill and end care teams."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
        listing = acts.add_parser("list", help="list the care teams")
        show = acts.add_parser("show", help="show a team's members and patients")
        add = acts.add_parser("add", help="add a team")
        add.add_argument("name")
        add.add_argument("--ods", required=True, help="ODS code of the organisation")
        add_member = acts.add_parser("add-member", help="give a user a place in a team")
        add_patient = acts.add_parser("add-patient", help="record a patient of a team")
        end = acts.add_parser("end", help="end a team")
        end_member = acts.add_parser("end-member", help="end a user's place in a team")
        end_patient = acts.add_parser("end-patient", help="end a team's care for a patient")
        for act in (show, add_member, add_patient, end, end_member, end_patient):
            act.add_argument("team", metavar="TEAM", help="the team's id")
        show.add_argument("--page", type=int, default=1)
        for act in (listing, show):
            act.add_argument("--json", action="store_true", help="print JSON")
        add_member.add_argument("username")
        add_patient.add_argument("person", metavar="PERSON", help="the person's id")
        for act in (add_member, add_patient):
            add_days(act)
        for act in (end_member, end_patient):
            act.add_argument("part", metavar="ID", help="as `show` lists it")
        for act in (end, end_member, end_patient):
            add_end(act)

    def handle(self, *args: Any, **options: Any) -> None:
        acts = {
            "list": self._list,
            "show": self._show,
            "add": self._add,
            "add-member": self._add_member,
            "add-patient": self._add_patient,
            "end": self._end,
            "end-member": self._end_member,
            "end-patient": self._end_patient,
        }
        try:
            acts[options["act"]](options)
        except LongviewError as error:
            raise CommandError(str(error)) from None

    def _list(self, options: dict[str, Any]) -> None:
        teams = list_care_teams(requester=operator(), now=timezone.now())
        self._print(
            options,
            lines=[
                {
                    "id": str(team.id),
                    "name": team.name,
                    "organisation": team.organisation_name,
                    "members": str(team.member_count),
                    "patients": str(team.patient_count),
                }
                for team in teams
            ],
        )

    def _show(self, options: dict[str, Any]) -> None:
        view = read_care_team(
            requester=operator(), team_id=identifier(options["team"]), page=options["page"], now=timezone.now()
        )
        parts = [("member", part) for part in view.members] + [("patient", part) for part in view.patients]
        self._print(
            options,
            lines=[
                {
                    "id": str(part.id),
                    "is": what,
                    "of": str(part.of_id),
                    "from_date": part.terms.from_date.isoformat(),
                    "state": part.state,
                }
                for what, part in parts
            ],
        )

    def _print(self, options: dict[str, Any], *, lines: list[dict[str, str]]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(lines, indent=2))
        else:
            self.stdout.write("\n".join("  ".join(line.values()) for line in lines))

    def _add(self, options: dict[str, Any]) -> None:
        team_id = add_care_team(
            requester=operator(), name=options["name"], organisation_ods=options["ods"], now=timezone.now()
        )
        self.stdout.write(f"{team_id} is added.")

    def _add_member(self, options: dict[str, Any]) -> None:
        self._made(options, kind="add-care-team-member", terms={"username": options["username"]})

    def _add_patient(self, options: dict[str, Any]) -> None:
        self._made(options, kind="add-care-team-patient", terms={"person_id": options["person"]})

    def _made(self, options: dict[str, Any], *, kind: str, terms: dict[str, str]) -> None:
        days = {name: options[name] for name in ("from_date", "until_date")}
        made = propose_change(
            requester=operator(),
            kind=kind,
            terms={"team_id": options["team"], **terms, **days},
            reason=options["reason"],
            now=timezone.now(),
        )
        self.stdout.write(f"{made.made_id} is added.")

    def _end(self, options: dict[str, Any]) -> None:
        end_care_team(
            requester=operator(),
            team_id=identifier(options["team"]),
            last_day=options["last_day"],
            reason=options["reason"],
            now=timezone.now(),
        )
        self.stdout.write(f"{options['team']} ends.")

    def _end_member(self, options: dict[str, Any]) -> None:
        end_care_team_member(
            requester=operator(),
            team_id=identifier(options["team"]),
            place_id=identifier(options["part"]),
            last_day=options["last_day"],
            reason=options["reason"],
            now=timezone.now(),
        )
        self.stdout.write(f"{options['part']} ends.")

    def _end_patient(self, options: dict[str, Any]) -> None:
        end_care_team_patient(
            requester=operator(),
            team_id=identifier(options["team"]),
            patient_id=identifier(options["part"]),
            last_day=options["last_day"],
            reason=options["reason"],
            now=timezone.now(),
        )
        self.stdout.write(f"{options['part']} ends.")
