"""`review_links`: the doubts about identity on the service's own machine."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.mpi.models import LinkDecision, LinkReview, SourceRecord
from aggregator.services import list_reviews
from aggregator.services.load_identities import load_identities
from tests.factories import person_of
from tests.world import IDENTITIES, SOURCE_SLUG, World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def review_id(world: World) -> str:
    lines = IDENTITIES.replace("1951-05-04", "1980-01-01").splitlines()
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=lines, now=timezone.now())
    return str(LinkReview.objects.get().id)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("review_links", *arguments, stdout=out)
    return out.getvalue()


def listed(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("--json", *arguments))["reviews"]
    return found


def test_an_empty_list_says_so() -> None:
    assert run() == "0 open, 0 settled.\n"
    assert json.loads(run("--json")) == {"open": 0, "settled": 0, "count": 0, "page": 1, "pages": 1, "reviews": []}


def test_a_doubt_is_listed_shown_settled_and_taken_back(world: World, review_id: str) -> None:
    assert f"{review_id}  " in run()
    assert [(one["id"], one["cause"], one["source"], one["settled_at"]) for one in listed()] == [
        (review_id, "demographics-changed", SOURCE_SLUG, None)
    ]
    shown = run("show", review_id)
    assert "1951-05-04" in shown
    assert "1980-01-01" in shown
    (born,) = [one for one in json.loads(run("show", review_id, "--json"))["fields"] if one["field"] == "Born"]
    assert born == {"field": "Born", "values": ["1980-01-01", "1951-05-04"], "differs": True}
    assert run("settle", review_id, "--decision", "end-link", "--note", "Reused.").startswith(review_id)
    record = SourceRecord.objects.get(identifier_value="1")
    assert person_of(record=record).id != world.joan
    assert listed() == []
    assert [one["decision"] for one in listed("--settled")] == ["end-link"]
    run("take-back", review_id)
    assert person_of(record=record).id == world.joan
    assert [one["settled_at"] for one in listed()] == [None]


def test_the_list_is_narrowed_and_turned_over(review_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["local_id,family,given,birth_date,gender", "d,Ferris,Joan,1951-05-04,male"]
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=lines, now=timezone.now())
    assert len(listed("--source", SOURCE_SLUG)) == len(listed()) == 2
    assert [one["id"] for one in listed("--cause", "demographics-changed")] == [review_id]
    assert listed("--source", "nobody") == listed("--cause", "no-cause") == []
    monkeypatch.setattr(list_reviews, "REVIEWS_PER_PAGE", 1)
    assert run().endswith("2 open, 0 settled. Page 1 of 2; --page names another.\n")
    assert [one["id"] for page in "12" for one in listed("--page", page)] != [review_id, review_id]
    assert run("--cause", "no-cause") == "2 open, 0 settled. Matching: 0.\n"
    with pytest.raises(CommandError, match="no such page"):
        run("--page", "3")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--decision", "noted", "--note", "x"), "can be settled by"),
        (("--decision", "end-link", "--note", " "), "Enter the reason"),
        (("--decision", "end-link", "--note", "x", "--accept", "sex"), "only if you accept"),
        (("--decision", "end-link"), "--note"),
        (("--note", "x"), "--decision"),
    ],
)
def test_what_will_not_do_is_refused_in_one_line(review_id: str, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run("settle", review_id, *arguments)
    assert not LinkDecision.objects.exists()


def test_a_doubt_that_does_not_exist_or_is_not_settled_is_refused(review_id: str) -> None:
    for arguments in (("show", str(uuid4())), ("take-back", str(uuid4())), ("take-back", review_id), ("show", "7")):
        with pytest.raises(CommandError):
            run(*arguments)


def test_two_people_are_joined_and_what_speaks_against_it_is_shown(world: World) -> None:
    lines = ["local_id,family,given,birth_date,gender", "d,Ferris,Joan,1951-05-04,male"]
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=lines, now=timezone.now())
    review_id = str(LinkReview.objects.get().id)
    shown = run("show", review_id)
    assert "The records of the two people contradict each other in: Gender" in shown
    assert "It can be settled by: noted, end-link, join" in shown
    assert json.loads(run("show", review_id, "--json"))["against"] == ["Gender"]
    run("settle", review_id, "--decision", "join", "--note", "Rang the surgery.")
    assert person_of(record=SourceRecord.objects.get(identifier_value="d")).id == world.joan
    run("take-back", review_id)
    assert person_of(record=SourceRecord.objects.get(identifier_value="d")).id != world.joan
