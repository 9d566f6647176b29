"""Doubts about identity over the service API: listed, read side by side, settled and taken back."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.api.service.serializers import Input, PageInput
from aggregator.api.service.view import ServiceView
from aggregator.services.list_reviews import list_reviews
from aggregator.services.read_review import DecisionLine, Row, read_review
from aggregator.services.settle_review import settle_review
from aggregator.services.take_back_review import take_back_review


class SettleInput(Input):
    """How a doubt is settled and why; `seen` is the state that was read, so that nothing newer is overlooked."""

    decision = serializers.CharField(max_length=30)
    fields_that_may_differ = serializers.ListField(
        child=serializers.CharField(max_length=30), max_length=20, required=False, default=list
    )
    note = serializers.CharField()
    seen = serializers.CharField(max_length=64)


class DoubtOutput(serializers.Serializer[Any]):
    """A doubt as listed; `person` is whom it is about, or whom they were joined to. `decision` null: it is open."""

    id = serializers.UUIDField(source="review_id")
    cause = serializers.CharField()
    source_slug = serializers.CharField()
    person = serializers.UUIDField(source="person_id")
    raised_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)
    decision = serializers.CharField(allow_null=True)


class DoubtsInput(PageInput):
    """Whether settled doubts are asked for in place of open ones, and by which cause and source; "" for any."""

    settled = serializers.BooleanField(required=False, default=False)
    cause = serializers.CharField(required=False, default="", max_length=60)
    source_slug = serializers.CharField(required=False, default="", max_length=60)


class DoubtCountOutput(serializers.Serializer[Any]):
    """How many doubts of one cause at one source are open, and how many settled."""

    cause = serializers.CharField()
    source_slug = serializers.CharField()
    open = serializers.IntegerField()
    settled = serializers.IntegerField()


class DoubtsOutput(serializers.Serializer[Any]):
    """A page of the doubts that were asked for, of `count` in all; open ones the oldest first, settled ones the latest.

    `counts` are those of all doubts, and so are `open_count` and `settled_count`.
    """

    doubts = DoubtOutput(source="reviews", many=True)
    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    open_count = serializers.IntegerField()
    settled_count = serializers.IntegerField()
    counts = DoubtCountOutput(many=True)


class DoubtRowOutput(serializers.Serializer[Any]):
    """One field, with its value in each column; "" where a record has none."""

    field = serializers.CharField(source="label")
    values = serializers.SerializerMethodField()
    differs = serializers.BooleanField()
    evidence = serializers.CharField()

    @extend_schema_field(serializers.ListField(child=serializers.CharField(allow_blank=True)))
    def get_values(self, row: Row) -> list[str]:
        """Return the values as texts."""
        return [value.isoformat() if isinstance(value, date) else value or "" for value in row.values]


class DoubtDecisionOutput(serializers.Serializer[Any]):
    """How a doubt was settled, by whom and why, and whether that was taken back."""

    decision = serializers.CharField(source="taken.decision")
    fields_that_may_differ = serializers.SerializerMethodField()
    note = serializers.CharField(source="taken.note")
    decided_by = serializers.CharField()
    decided_at = serializers.DateTimeField(source="taken.decided_at")
    taken_back_by = serializers.CharField(source="ended_by")
    taken_back_at = serializers.DateTimeField(source="taken.ended_at", allow_null=True)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_fields_that_may_differ(self, line: DecisionLine) -> list[str]:
        """Return the fields in words."""
        return list(line.fields)


class DoubtViewOutput(serializers.Serializer[Any]):
    """Both sides of a doubt. `against`: what the records of two people contradict each other in; `may_not_join`: each
    has a verified number of their own. `state` is sent back with the decision."""

    review = DoubtOutput(source="summary")
    columns = serializers.ListField(child=serializers.CharField())
    rows = DoubtRowOutput(many=True)
    decisions = serializers.ListField(child=serializers.CharField())
    against = serializers.ListField(child=serializers.CharField())
    may_not_join = serializers.BooleanField()
    history = DoubtDecisionOutput(many=True)
    state = serializers.CharField()


class Reviews(ServiceView):
    """Doubts about identity."""

    query_input = DoubtsInput

    @extend_schema(operation_id="reviews_list", parameters=[DoubtsInput], responses=DoubtsOutput)
    def get(self, request: Request) -> Response:
        """Return a page of the doubts; the list identifies nobody."""
        asked = self.query()
        found = list_reviews(
            requester=self.requester,
            is_settled=asked["settled"],
            cause=asked["cause"],
            source_slug=asked["source_slug"],
            page=asked["page"],
        )
        return Response(DoubtsOutput(found).data)


class OneReview(ServiceView):
    """One doubt about identity."""

    @extend_schema(responses=DoubtViewOutput)
    def get(self, request: Request, review_id: UUID) -> Response:
        """Return both sides of a doubt, field by field."""
        self.query()
        return Response(DoubtViewOutput(read_review(requester=self.requester, review_id=review_id)).data)


class SettleReview(ServiceView):
    """The decision on a doubt."""

    @extend_schema(request=SettleInput, responses={204: None})
    def post(self, request: Request, review_id: UUID) -> Response:
        """Settle an open doubt, if it is still what was read."""
        self.query()
        given = self.body(SettleInput)
        settle_review(
            requester=self.requester,
            review_id=review_id,
            decision=given["decision"],
            fields=given["fields_that_may_differ"],
            note=given["note"],
            seen=given["seen"],
            now=timezone.now(),
        )
        return Response(status=204)


class TakeBackReview(ServiceView):
    """The end of the decision on a doubt."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, review_id: UUID) -> Response:
        """Undo the decision on a doubt, which is then open again."""
        self.query()
        take_back_review(requester=self.requester, review_id=review_id, now=timezone.now())
        return Response(status=204)
