"""Accounts and roles: who there is, giving a role, ending one, closing an account."""

from __future__ import annotations

import re
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from aggregator.accounts.roles import Permission
from aggregator.errors import Invalid, NotFound, NotPermitted
from aggregator.services.changes.propose_change import propose_change
from aggregator.services.users.close_account import close_account
from aggregator.services.users.end_membership import end_membership
from aggregator.services.users.list_users import list_users
from aggregator.services.users.read_user import UserView, read_user
from aggregator.web.pages import draw
from aggregator.web.signed_in import SignedInRequest
from aggregator.web.users.forms import AccountForm, EndForm, RoleForm

PAGE_NUMBER = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


@require_GET
def users(request: SignedInRequest) -> HttpResponse:
    """List who has an account."""
    search, page = request.GET.get("search", "")[:100], request.GET.get("page", "1")
    is_unused = request.GET.get("unused") == "yes"
    found = list_users(
        requester=request.requester,
        search=search,
        is_unused=is_unused,
        page=int(page) if PAGE_NUMBER.fullmatch(page) else 1,
        now=timezone.now(),
    )
    return draw(request, "users/users", found=found, search=search, is_unused=is_unused)


@require_GET
def user(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Show one account, with its roles of now and of before."""
    return draw(request, "users/user", view=_read(request, user_id))


@require_http_methods(["GET", "POST"])
def add_user(request: SignedInRequest) -> HttpResponse:
    """Propose a new account."""
    if not request.requester.may(Permission.MANAGE_USERS):
        raise NotPermitted("You may not add users.")
    form = AccountForm(request.POST if request.method == "POST" else None, requester=request.requester)
    if form.is_valid() and _is_proposed(request, form, kind="add-account", terms=form.terms()):
        return HttpResponseRedirect(reverse("changes"))
    return draw(request, "users/add_user", form=form, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def add_role(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Propose a further role for somebody."""
    view = _read(request, user_id)
    form = RoleForm(request.POST if request.method == "POST" else None, requester=request.requester)
    if form.is_valid():
        terms = {**form.terms(), "username": view.user.username}
        if _is_proposed(request, form, kind="add-membership", terms=terms):
            return HttpResponseRedirect(reverse("changes"))
    return draw(request, "users/add_role", view=view, form=form, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def end_role(request: SignedInRequest, user_id: UUID, membership_id: UUID) -> HttpResponse:
    """End a role of somebody."""
    view = _read(request, user_id)
    membership = next((line for line in view.memberships if line.membership_id == membership_id), None)
    if membership is None:
        raise NotFound
    form = EndForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            end_membership(
                requester=request.requester,
                membership_id=membership_id,
                last_day=form.entered_date,
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
            return HttpResponseRedirect(reverse("user", kwargs={"user_id": user_id}))
        except Invalid as error:
            form.add_refusal(field=error.field, words=str(error))
    status = 400 if form.errors else 200
    return draw(request, "users/end_role", view=view, membership=membership, form=form, status=status)


@require_http_methods(["GET", "POST"])
def close(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Close an account."""
    view = _read(request, user_id)
    form = EndForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            close_account(
                requester=request.requester,
                user_id=user_id,
                last_day=form.entered_date,
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
            return HttpResponseRedirect(reverse("user", kwargs={"user_id": user_id}))
        except Invalid as error:
            form.add_refusal(field=error.field, words=str(error))
    return draw(request, "users/close", view=view, form=form, status=400 if form.errors else 200)


def _read(request: SignedInRequest, user_id: UUID) -> UserView:
    return read_user(requester=request.requester, user_id=user_id, now=timezone.now())


def _is_proposed(request: SignedInRequest, form: RoleForm, *, kind: str, terms: dict[str, str]) -> bool:
    """Propose a change; where it is refused for what was entered, the form says so."""
    try:
        propose_change(
            requester=request.requester,
            kind=kind,
            terms=terms,
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
        )
    except Invalid as error:
        form.add_refusal(field=error.field, words=str(error))
        return False
    return True
