"""What a person has decided about sharing: to see it, to record or change it, and to withdraw it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.forms import BaseFormSet, formset_factory
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from aggregator.accounts.requester import PurposeOfUse
from aggregator.accounts.roles import Permission
from aggregator.errors import Invalid, NotFound, NotPermitted
from aggregator.services import end_policy, preview_access, preview_policy, read_consent, record_policy
from aggregator.services.policy_lines import PolicyLine
from aggregator.services.read_consent import ConsentView
from aggregator.web.consent.forms import (
    FIELD_OF,
    DecisionForm,
    ExceptionForm,
    PreviewForm,
    WithdrawalForm,
    entered,
    terms_of,
)
from aggregator.web.pages import draw
from aggregator.web.signed_in import SignedInRequest

MAX_EXCEPTIONS = 5
Exceptions = formset_factory(ExceptionForm, extra=0, max_num=MAX_EXCEPTIONS, validate_max=True)


@require_GET
def consent(request: SignedInRequest, person_id: UUID) -> HttpResponse:
    """Show what a person has decided, with who recorded it and why."""
    view = read_consent.read_consent(requester=request.requester, person_id=person_id, now=timezone.now())
    return draw(request, "consent/consent", view=view)


@require_http_methods(["GET", "POST"])
def decide(request: SignedInRequest, person_id: UUID, policy_id: UUID | None = None) -> HttpResponse:
    """Record a decision, or another in the place of one in force. What it means is shown before it is saved."""
    view = read_consent.read_consent(requester=request.requester, person_id=person_id, now=timezone.now())
    changed = None if policy_id is None else _line(view, policy_id)
    choices = {"sources": view.sources, "organisations": view.organisations}
    if request.method == "GET":
        held = entered(terms=changed.policy.terms) if changed else ({}, [])
        whole, rest = held or ({}, [])
        form, exceptions = DecisionForm(initial=whole), Exceptions(initial=rest, form_kwargs=choices)
        return _form_page(request, view, form, exceptions, changed=changed, is_too_rich=held is None)
    step = request.POST.get("step", "")
    if step == "add" or step.startswith("remove-"):
        data = _with_one_more(request.POST.dict()) if step == "add" else _without(request.POST.dict(), step)
        form, exceptions = DecisionForm(initial=data), Exceptions(_plainly(data), form_kwargs=choices)
        return _form_page(request, view, form, exceptions, changed=changed, is_draft=True)
    form, exceptions = DecisionForm(request.POST), Exceptions(request.POST, form_kwargs=choices)
    if step != "back" and form.is_valid() & exceptions.is_valid():
        terms = terms_of(form=form, exceptions=list(exceptions))
        try:
            if step == "save":
                record_policy.record_policy(
                    requester=request.requester,
                    person_id=person_id,
                    terms=terms,
                    note=form.cleaned_data["note"],
                    replaces_id=policy_id,
                    now=timezone.now(),
                )
                return HttpResponseRedirect(reverse("consent", kwargs={"person_id": person_id}))
            preview = preview_policy.preview_policy(
                requester=request.requester,
                person_id=person_id,
                terms=terms,
                replaces_id=policy_id,
                now=timezone.now(),
            )
            fields = [(name, value) for name, value in request.POST.items() if name not in _NOT_KEPT]
            return draw(request, "consent/check", view=view, preview=preview, changed=changed, fields=fields, form=form)
        except Invalid as error:
            _add_error(error, form, exceptions)
    return _form_page(request, view, form, exceptions, changed=changed, status=200 if step == "back" else 400)


@require_http_methods(["GET", "POST"])
def withdraw(request: SignedInRequest, person_id: UUID, policy_id: UUID) -> HttpResponse:
    """Withdraw a decision."""
    view = read_consent.read_consent(requester=request.requester, person_id=person_id, now=timezone.now())
    line = _line(view, policy_id)
    form = WithdrawalForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        end_policy.end_policy(
            requester=request.requester, policy_id=policy_id, note=form.cleaned_data["note"], now=timezone.now()
        )
        return HttpResponseRedirect(reverse("consent", kwargs={"person_id": person_id}))
    return draw(request, "consent/withdraw", view=view, line=line, form=form, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def preview(request: SignedInRequest, person_id: UUID) -> HttpResponse:
    """Show what a user would see of a person's record: questions and sections, and nothing clinical."""
    form = PreviewForm(request.POST if request.method == "POST" else None)
    shown = None
    if request.method == "POST" and form.is_valid():
        try:
            shown = preview_access.preview_access(
                requester=request.requester,
                person_id=person_id,
                username=form.cleaned_data["username"],
                purpose=PurposeOfUse(form.cleaned_data["purpose"]),
                reason=preview_access.PreviewReason(form.cleaned_data["reason"]),
                now=timezone.now(),
            )
        except Invalid as error:
            form.add_error(error.field, str(error))
    elif not request.requester.may(Permission.VIEW_ACCESS):
        raise NotPermitted("You may not see what a user would see of a patient's record.")
    status = 400 if form.errors else 200
    return draw(request, "consent/preview", preview=shown, form=form, person_id=person_id, status=status)


_NOT_KEPT = frozenset({"csrfmiddlewaretoken", "step"})
_PREFIX = "form"


def _form_page(
    request: SignedInRequest,
    view: ConsentView,
    form: DecisionForm,
    exceptions: BaseFormSet[ExceptionForm],
    *,
    status: int = 200,
    is_draft: bool = False,
    **context: Any,
) -> HttpResponse:
    """Draw the form with its problems. A draft, to which an exception was added, has none yet."""
    problems = [] if is_draft or status == 200 else _problems(form, exceptions)
    return draw(
        request,
        "consent/decide",
        view=view,
        form=form,
        exceptions=exceptions,
        problems=problems,
        may_add=exceptions.total_form_count() < MAX_EXCEPTIONS,
        status=status,
        **context,
    )


def _problems(form: DecisionForm, exceptions: BaseFormSet[ExceptionForm]) -> list[dict[str, str]]:
    """Return what is wrong, for the summary on top of the page."""
    found = [(problem, _anchor(form, name)) for name, problems in form.errors.items() for problem in problems]
    for number, each in enumerate(exceptions, start=1):
        found += [
            (f"Exception {number}: {problem}", _anchor(each, name))
            for name, problems in each.errors.items()
            for problem in problems
        ]
    return [{"text": str(words), "href": f"#{anchor}"} for words, anchor in found]


def _anchor(form: DecisionForm | ExceptionForm, name: str) -> str:
    field = name if name in form.fields else next(iter(form.fields))
    return f"{form.add_prefix(field)}-1" if field == "base" else form.add_prefix(field)


def _add_error(error: Invalid, form: DecisionForm, exceptions: BaseFormSet[ExceptionForm]) -> None:
    """Put what a service found beside the field that is at fault."""
    place, _, condition = error.field.partition(".")
    at_fault: DecisionForm | ExceptionForm = form
    if place.isdecimal():
        at_fault = exceptions[int(place)]
    name = FIELD_OF.get(condition, condition) or place
    at_fault.add_error(name if name in at_fault.fields else None, str(error))


def _line(view: ConsentView, policy_id: UUID) -> PolicyLine:
    line = next((line for line in (*view.in_force, *view.ended) if line.policy.policy_id == policy_id), None)
    if line is None:
        raise NotFound
    return line


def _with_one_more(data: Mapping[str, Any], /) -> dict[str, Any]:
    return {**data, f"{_PREFIX}-TOTAL_FORMS": str(min(_count(data) + 1, MAX_EXCEPTIONS))}


def _without(data: Mapping[str, Any], step: str, /) -> dict[str, Any]:
    """Return what was entered without one exception; those after it move up."""
    gone, count = step.removeprefix("remove-"), _count(data)
    kept = [number for number in range(count) if str(number) != gone]
    left = {name: value for name, value in data.items() if not name.startswith(f"{_PREFIX}-")}
    for place, number in enumerate(kept):
        before = f"{_PREFIX}-{number}-"
        left |= {
            f"{_PREFIX}-{place}-{name.removeprefix(before)}": value
            for name, value in data.items()
            if name.startswith(before)
        }
    return {**left, f"{_PREFIX}-TOTAL_FORMS": str(len(kept)), f"{_PREFIX}-INITIAL_FORMS": "0"}


def _plainly(data: Mapping[str, Any], /) -> dict[str, Any]:
    return {f"{_PREFIX}-INITIAL_FORMS": "0", **data}


def _count(data: Mapping[str, Any], /) -> int:
    count = str(data.get(f"{_PREFIX}-TOTAL_FORMS", "0"))
    return min(int(count), MAX_EXCEPTIONS) if count.isdecimal() and len(count) < 3 else 0
