"""Who cares for a patient, who has access to their record, and whom a user can reach."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from aggregator.errors import Invalid, NotFound
from aggregator.services.care_teams.list_care_teams import list_care_teams
from aggregator.services.relationships.claim_relationship import claim_relationship
from aggregator.services.relationships.end_relationship import end_relationship
from aggregator.services.relationships.list_access import list_access
from aggregator.services.relationships.list_reach import list_reach
from aggregator.services.relationships.list_relationships import PersonRelationships, list_relationships
from aggregator.services.relationships.prepare_claim import prepare_claim
from aggregator.web.endings import EndForm, is_ended
from aggregator.web.pages import draw
from aggregator.web.proposals import is_proposed, page_number
from aggregator.web.relationships.forms import (
    ClaimForm,
    NewRelationshipForm,
    RelationshipForm,
    TeamPatientForm,
    as_entered,
)
from aggregator.web.signed_in import SignedInRequest


@require_GET
def relationships(request: SignedInRequest, person_id: UUID) -> HttpResponse:
    """Show who cares for a patient, now and before."""
    return draw(request, "relationships/relationships", view=_read(request, person_id))


@require_http_methods(["GET", "POST"])
def record(request: SignedInRequest, person_id: UUID) -> HttpResponse:
    """Propose that an organisation cares for a patient."""
    view = _read(request, person_id)
    form = NewRelationshipForm(_posted(request), requester=request.requester)
    if form.is_valid():
        terms = {**form.terms(), "person_id": str(person_id)}
        if is_proposed(request, form, kind="record-relationship", terms=terms):
            return HttpResponseRedirect(reverse("changes"))
    return draw(request, "relationships/record", view=view, form=form, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def add_to_team(request: SignedInRequest, person_id: UUID) -> HttpResponse:
    """Propose that a care team cares for a patient."""
    view = _read(request, person_id)
    teams = list_care_teams(requester=request.requester, now=timezone.now())
    form = TeamPatientForm(
        _posted(request),
        teams=[(str(team.id), f"{team.name}, {team.organisation_name}") for team in teams if not team.has_ended],
    )
    if form.is_valid():
        terms = {**form.terms(), "person_id": str(person_id)}
        if is_proposed(request, form, kind="add-care-team-patient", terms=terms):
            return HttpResponseRedirect(reverse("changes"))
    return draw(request, "relationships/add_to_team", view=view, form=form, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def change(request: SignedInRequest, person_id: UUID, relationship_id: UUID) -> HttpResponse:
    """Propose to change how an organisation cares for a patient."""
    view = _read(request, person_id)
    relationship = next((each for each in view.relationships if each.id == relationship_id and each.may_change), None)
    if relationship is None:
        raise NotFound
    form = RelationshipForm(_posted(request))
    if request.method == "GET":
        now_recorded = relationship.terms
        form.data = as_entered(
            kind=now_recorded.kind, from_date=now_recorded.from_date, until_date=now_recorded.until_date
        )
    if form.is_valid():
        terms = {**form.terms(), "relationship_id": str(relationship_id), "person_id": str(person_id)}
        if is_proposed(request, form, kind="change-relationship", terms=terms):
            return HttpResponseRedirect(reverse("changes"))
    status = 400 if form.errors else 200
    return draw(request, "relationships/change", view=view, relationship=relationship, form=form, status=status)


@require_http_methods(["GET", "POST"])
def end(request: SignedInRequest, person_id: UUID, relationship_id: UUID) -> HttpResponse:
    """End a relationship."""
    view = _read(request, person_id)
    relationship = next((each for each in view.relationships if each.id == relationship_id and each.may_end), None)
    if relationship is None:
        raise NotFound
    form = EndForm(_posted(request))
    if is_ended(request, form, end=partial(end_relationship, relationship_id=relationship_id)):
        return HttpResponseRedirect(reverse("relationships", kwargs={"person_id": person_id}))
    status = 400 if form.errors else 200
    return draw(request, "relationships/end", view=view, relationship=relationship, form=form, status=status)


@require_GET
def access(request: SignedInRequest, person_id: UUID) -> HttpResponse:
    """Show who could open a patient's record now, and why."""
    listed = list_access(
        requester=request.requester, person_id=person_id, page=page_number(request), now=timezone.now()
    )
    return draw(request, "relationships/access", listed=listed)


@require_http_methods(["GET", "POST"])
def claim(request: SignedInRequest, person_id: UUID) -> HttpResponse:
    """Say what it entails to claim a patient, and claim them."""
    form = ClaimForm(_posted(request))
    if form.is_valid():
        try:
            claim_relationship(
                requester=request.requester,
                person_id=person_id,
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
            return HttpResponseRedirect(reverse("claim", kwargs={"person_id": person_id}))
        except Invalid as error:
            form.add_error(error.field, str(error))
    terms = prepare_claim(requester=request.requester, person_id=person_id, now=timezone.now())
    return draw(request, "relationships/claim", terms=terms, form=form, status=400 if form.errors else 200)


@require_GET
def reach(request: SignedInRequest) -> HttpResponse:
    """Show which patients a user can reach, and by which relationships."""
    username = request.GET.get("username", "")[:150].strip()
    found, problem = None, ""
    if username:
        try:
            found = list_reach(
                requester=request.requester, username=username, page=page_number(request), now=timezone.now()
            )
        except NotFound:
            problem = "Nobody of that user name has a role that you can look at."
    return draw(
        request, "relationships/reach", username=username, found=found, problem=problem, status=404 if problem else 200
    )


def _posted(request: SignedInRequest) -> dict[str, str] | None:
    return request.POST.dict() if request.method == "POST" else None


def _read(request: SignedInRequest, person_id: UUID) -> PersonRelationships:
    return list_relationships(requester=request.requester, person_id=person_id, now=timezone.now())
