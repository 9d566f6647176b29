"""Accounts and roles: who there is, giving a role, ending one, closing an account; and which person a user is."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from aggregator.accounts.roles import Permission
from aggregator.errors import Invalid, NotFound, NotPermitted
from aggregator.services.users.change_name import change_name
from aggregator.services.users.close_account import close_account
from aggregator.services.users.end_membership import end_membership
from aggregator.services.users.end_user_join import end_user_join
from aggregator.services.users.join_user import join_user
from aggregator.services.users.list_users import list_users
from aggregator.services.users.read_user import UserView, read_user
from aggregator.services.users.set_email import set_email
from aggregator.web.endings import EndForm, is_ended
from aggregator.web.pages import draw
from aggregator.web.proposals import is_proposed, page_number
from aggregator.web.signed_in import SignedInRequest
from aggregator.web.users.forms import AccountForm, EmailForm, EndJoinForm, JoinForm, NameForm, RoleForm


@require_GET
def users(request: SignedInRequest) -> HttpResponse:
    """List who has an account."""
    search = request.GET.get("search", "")[:100]
    is_unused = request.GET.get("unused") == "yes"
    found = list_users(
        requester=request.requester,
        search=search,
        is_unused=is_unused,
        page=page_number(request),
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
    if form.is_valid() and is_proposed(request, form, kind="add-account", terms=form.terms()):
        return HttpResponseRedirect(reverse("changes"))
    return draw(request, "users/add_user", form=form, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def add_role(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Propose a further role for somebody."""
    view = _read(request, user_id)
    form = RoleForm(request.POST if request.method == "POST" else None, requester=request.requester)
    if form.is_valid():
        terms = {**form.terms(), "username": view.user.username}
        if is_proposed(request, form, kind="add-membership", terms=terms):
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
    if is_ended(request, form, end=partial(end_membership, membership_id=membership_id)):
        return HttpResponseRedirect(reverse("user", kwargs={"user_id": user_id}))
    status = 400 if form.errors else 200
    return draw(request, "users/end_role", view=view, membership=membership, form=form, status=status)


@require_http_methods(["GET", "POST"])
def email(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Say where alerts to somebody are sent."""
    view = _read(request, user_id)
    form = EmailForm(request.POST if request.method == "POST" else {"email": view.user.email})
    if request.method == "POST" and form.is_valid():
        try:
            set_email(
                requester=request.requester,
                user_id=user_id,
                email=form.cleaned_data["email"],
                now=timezone.now(),
            )
            return HttpResponseRedirect(reverse("user", kwargs={"user_id": user_id}))
        except Invalid as error:
            form.add_error("email", str(error))
    return draw(request, "users/email", view=view, form=form, status=400 if request.method == "POST" else 200)


@require_http_methods(["GET", "POST"])
def name(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Change the name of an account."""
    view = _read(request, user_id)
    form = NameForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            change_name(requester=request.requester, user_id=user_id, now=timezone.now(), **form.cleaned_data)
            return HttpResponseRedirect(reverse("user", kwargs={"user_id": user_id}))
        except Invalid as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
    return draw(request, "users/name", view=view, form=form, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def close(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Close an account."""
    view = _read(request, user_id)
    form = EndForm(request.POST if request.method == "POST" else None)
    if is_ended(request, form, end=partial(close_account, user_id=user_id)):
        return HttpResponseRedirect(reverse("user", kwargs={"user_id": user_id}))
    return draw(request, "users/close", view=view, form=form, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def join(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Join a user to the person in the index whose account this is."""
    view = _read(request, user_id)
    form = JoinForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            join_user(
                requester=request.requester,
                user_id=user_id,
                nhs_number=form.cleaned_data["nhs_number"],
                birth_date=form.entered_date,
                has_other_name=form.cleaned_data["has_other_name"],
                note=form.cleaned_data["note"],
                now=timezone.now(),
            )
            return HttpResponseRedirect(reverse("user", kwargs={"user_id": user_id}))
        except Invalid as error:
            form.add_refusal(field=error.field, words=str(error))
    return draw(request, "users/join", view=view, form=form, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def end_join(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """End that a user is joined to a person."""
    view = _read(request, user_id)
    form = EndJoinForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            end_user_join(
                requester=request.requester, user_id=user_id, reason=form.cleaned_data["reason"], now=timezone.now()
            )
            return HttpResponseRedirect(reverse("user", kwargs={"user_id": user_id}))
        except Invalid as error:
            form.add_error(error.field, str(error))
    return draw(request, "users/end_join", view=view, form=form, status=400 if form.errors else 200)


def _read(request: SignedInRequest, user_id: UUID) -> UserView:
    return read_user(requester=request.requester, user_id=user_id, now=timezone.now())
