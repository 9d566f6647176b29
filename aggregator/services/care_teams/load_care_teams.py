"""Load care teams, their members and patients from a file: what is not there is added, and ended where it says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from aggregator.accounts.ends import End, Ends
from aggregator.accounts.queries import organisation_by_code, requesters_for, user_id_for
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import Act, acting
from aggregator.audit.events import Action
from aggregator.csv_rows import Rejected
from aggregator.errors import Invalid, NotPermitted
from aggregator.limits import check_length
from aggregator.mpi.queries import person_held_as
from aggregator.relationships import operations
from aggregator.relationships.care_team_file import CareTeamLine, read_care_teams
from aggregator.relationships.models import CareTeam
from aggregator.relationships.queries import live_care_team_named, parts_since
from aggregator.relationships.terms import end_of_day
from aggregator.sources.queries import source_by_slug

# Later than any last day.
FOREVER = datetime.max.replace(tzinfo=UTC)
REASON = "The list of care teams that was loaded says so."


@dataclass(frozen=True, kw_only=True)
class LoadedCareTeams:
    """Every line is counted once in `recorded` or `rejected`.

    `added` are the teams that were made, and `ended` the places, and patients' care, that were given an end.
    """

    recorded: int
    added: int
    ended: int
    rejected: tuple[Rejected, ...]


def load_care_teams(*, requester: Requester, lines: Iterable[str], now: datetime) -> LoadedCareTeams:
    """Load a CSV file (columns as in `relationships.care_team_file`). Lines that cannot be loaded are reported.

    To load it again changes nothing. Who is in a team and not in the file stays in it.
    Raises: NotPermitted for all but commands of this machine; Invalid when the heading cannot be used.
    """
    with acting(requester, Action.LOAD_CARE_TEAMS, needs=Permission.MANAGE_RELATIONSHIPS) as act:
        act.about_nothing_single()
        if requester.user_id is not None:
            raise NotPermitted("Lists of care teams are loaded by a command; on the pages, one by one.")
        try:
            members, rejected = read_care_teams(lines=lines)
        except ValueError as error:
            raise Invalid(f"The file cannot be read: {error}.", field="file") from None
        act.begin()
        done: list[_Done] = []
        for line in members:
            try:
                with transaction.atomic():
                    done.append(_load(act, line, now=now))
            except Invalid as error:
                rejected.append(Rejected(line=line.line, reason=str(error), values=line.as_values()))
        loaded = LoadedCareTeams(
            recorded=len(done),
            added=sum(each.has_added_team for each in done),
            ended=sum(each.has_ended for each in done),
            rejected=tuple(sorted(rejected, key=lambda line: line.line)),
        )
        act.note(recorded=loaded.recorded, added=loaded.added, ended=loaded.ended, rejected=len(loaded.rejected))
        return loaded


@dataclass(frozen=True, kw_only=True)
class _Done:
    """What one line came to: whether it made its team, and whether it ended what was recorded to last longer."""

    has_added_team: bool
    has_ended: bool


def _load(act: Act, line: CareTeamLine, *, now: datetime) -> _Done:
    """Load one line.

    Raises: Invalid for what the tables cannot hold, and for whom or what is not known here.
    """
    organisation = organisation_by_code(ods_code=line.organisation_ods)
    if organisation is None:
        raise Invalid("no organisation has this ODS code here")
    check_length(model=CareTeam, field="name", value=line.team, label="team")
    of_id = _user(line, organisation_id=organisation.id, now=now) if line.username else _person(line)
    team_id = live_care_team_named(organisation_id=organisation.id, name=line.team, now=now)
    has_added_team = team_id is None
    if team_id is None:
        team_id = operations.add_care_team(organisation_id=organisation.id, name=line.team, recorded_by=None, now=now)
    has_ended = _bring_about(act, line, team_id=team_id, of_id=of_id, now=now)
    return _Done(has_added_team=has_added_team, has_ended=has_ended)


def _bring_about(act: Act, line: CareTeamLine, /, *, team_id: UUID, of_id: UUID, now: datetime) -> bool:
    """Have a user in a team, or a patient in its care, until the line's last day; return whether anything was ended."""
    is_member = bool(line.username)
    ends_at = FOREVER if line.until_date is None else end_of_day(line.until_date)
    known = parts_since(team_id=team_id, of_id=of_id, is_member=is_member, from_date=line.from_date, now=now)
    lasting = {part_id: end or FOREVER for part_id, end in known.items()}
    for part_id, known_end in lasting.items():
        if known_end > ends_at:
            kind = Ends.CARE_TEAM_PLACE if is_member else Ends.CARE_TEAM_PATIENT
            act.ends(end=End(kind=kind, of_id=part_id, ends_at=max(ends_at, now), reason=REASON), is_whole_act=False)
    if not any(known_end >= ends_at for known_end in lasting.values()):
        add = operations.add_care_team_member if is_member else operations.add_care_team_patient
        whom = {"user_id" if is_member else "person_id": of_id}
        add(
            team_id=team_id,
            from_date=line.from_date,
            until_date=line.until_date,
            recorded_by=None,
            now=now,
            **whom,
        )
    return any(known_end > ends_at for known_end in lasting.values())


def _user(line: CareTeamLine, /, *, organisation_id: UUID, now: datetime) -> UUID:
    """Return the user whom a line names.

    Raises: Invalid for one who sees no records for the team's organisation.
    """
    user_id = user_id_for(username=line.username)
    roles = requesters_for(user_id=user_id, now=now) if user_id else ()
    if user_id and any(role.organisation_id == organisation_id and role.may(Permission.VIEW_RECORD) for role in roles):
        return user_id
    raise Invalid("nobody of that user name sees records for the team's organisation")


def _person(line: CareTeamLine, /) -> UUID:
    """Return the person whom a line names.

    Raises: Invalid for one whom the index does not hold for that source.
    """
    source = source_by_slug(slug=line.source)
    person_id = person_held_as(source_id=source.id, identifier_value=line.local_id) if source else None
    if person_id is None:
        raise Invalid("the index holds no such person for this source")
    return person_id
