"""Care teams: the list, one with its members and patients, and what is added and ended."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from aggregator.errors import Invalid, NotFound
from aggregator.services.care_teams.add_care_team import add_care_team
from aggregator.services.care_teams.end_care_team import end_care_team
from aggregator.services.care_teams.end_care_team_member import end_care_team_member
from aggregator.services.care_teams.end_care_team_patient import end_care_team_patient
from aggregator.services.care_teams.list_care_teams import list_care_teams
from aggregator.services.care_teams.read_care_team import CareTeamView, read_care_team
from aggregator.web.care_teams.forms import TeamForm
from aggregator.web.endings import EndForm, Ending, is_ended
from aggregator.web.pages import draw
from aggregator.web.proposals import is_proposed, page_number
from aggregator.web.relationships.forms import MemberForm
from aggregator.web.signed_in import SignedInRequest


@require_http_methods(["GET", "POST"])
def teams(request: SignedInRequest) -> HttpResponse:
    """List the care teams, and add one."""
    form = TeamForm(request.POST if request.method == "POST" else None, requester=request.requester)
    if form.is_valid():
        try:
            team_id = add_care_team(
                requester=request.requester,
                name=form.cleaned_data["name"],
                organisation_ods=form.cleaned_data["organisation_ods"],
                now=timezone.now(),
            )
            return HttpResponseRedirect(reverse("care-team", kwargs={"team_id": team_id}))
        except Invalid as error:
            form.add_error(error.field, str(error))
    found = list_care_teams(requester=request.requester, now=timezone.now())
    return draw(request, "care_teams/teams", teams=found, form=form, status=400 if form.errors else 200)


@require_GET
def team(request: SignedInRequest, team_id: UUID) -> HttpResponse:
    """Show a care team, its members and its patients."""
    return draw(request, "care_teams/team", view=_read(request, team_id))


@require_http_methods(["GET", "POST"])
def add_member(request: SignedInRequest, team_id: UUID) -> HttpResponse:
    """Propose to give a user a place in a care team."""
    view = _read(request, team_id)
    form = MemberForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        terms = {**form.terms(), "team_id": str(team_id)}
        if is_proposed(request, form, kind="add-care-team-member", terms=terms):
            return HttpResponseRedirect(reverse("changes"))
    return draw(request, "care_teams/add_member", view=view, form=form, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def end_team(request: SignedInRequest, team_id: UUID) -> HttpResponse:
    """End a care team."""
    view = _read(request, team_id)
    words = "From then on nobody sees a record by this team, and no patient or member can be added."
    return _end_page(
        request,
        view,
        end=partial(end_care_team, team_id=team_id),
        heading=f"End the care team {view.team.name}",
        words=words,
    )


@require_http_methods(["GET", "POST"])
def end_member(request: SignedInRequest, team_id: UUID, place_id: UUID) -> HttpResponse:
    """End a user's place in a care team."""
    view = _read(request, team_id)
    member = next((each for each in view.members if each.id == place_id), None)
    if member is None:
        raise NotFound
    words = "From then on they see no record by this team."
    return _end_page(
        request,
        view,
        end=partial(end_care_team_member, team_id=team_id, place_id=place_id),
        heading=f"End the place of {member.name}",
        words=words,
    )


@require_http_methods(["GET", "POST"])
def end_patient(request: SignedInRequest, team_id: UUID, patient_id: UUID) -> HttpResponse:
    """End a care team's care for a patient."""
    view = _read(request, team_id)
    patient = next((each for each in view.patients if each.id == patient_id), None)
    if patient is None:
        raise NotFound
    words = "From then on no member of the team sees this patient's record by it."
    return _end_page(
        request,
        view,
        end=partial(end_care_team_patient, team_id=team_id, patient_id=patient_id),
        heading=f"End the care for {patient.name}",
        words=words,
    )


def _end_page(
    request: SignedInRequest,
    view: CareTeamView,
    /,
    *,
    end: Ending,
    heading: str,
    words: str,
) -> HttpResponse:
    """Ask when something ends and why, and end it."""
    form = EndForm(request.POST if request.method == "POST" else None)
    if is_ended(request, form, end=end):
        return HttpResponseRedirect(reverse("care-team", kwargs={"team_id": view.team.id}))
    status = 400 if form.errors else 200
    return draw(request, "care_teams/end", view=view, form=form, heading=heading, words=words, status=status)


def _read(request: SignedInRequest, team_id: UUID) -> CareTeamView:
    return read_care_team(requester=request.requester, team_id=team_id, page=page_number(request), now=timezone.now())
