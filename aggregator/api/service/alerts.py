"""Alerts over the service API: how each was delivered, and the webhooks that are told."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.alerts.terms import NewWebhook
from aggregator.api.service.serializers import Input, PageInput
from aggregator.api.service.view import ServiceView
from aggregator.services.alerts.end_webhook import end_webhook
from aggregator.services.alerts.list_alerts import list_alerts
from aggregator.services.alerts.list_webhooks import list_webhooks
from aggregator.services.alerts.register_webhook import register_webhook
from aggregator.services.alerts.try_webhook import try_webhook


class AlertsInput(PageInput):
    """Whether only alerts are asked for of which somebody was not told."""

    failing = serializers.BooleanField(required=False, default=False)


class WebhookInput(Input):
    """A webhook to be registered; `organisation` is an ODS code, by default the requester's own."""

    name = serializers.CharField(max_length=200)
    url = serializers.CharField(max_length=500)
    kinds = serializers.ListField(child=serializers.CharField(max_length=30), min_length=1, max_length=20)
    organisation = serializers.CharField(required=False, default="", max_length=20)
    every_organisation = serializers.BooleanField(required=False, default=False)


class EndWebhookInput(Input):
    """Why a webhook is ended."""

    reason = serializers.CharField()


class DeliveryOutput(serializers.Serializer[Any]):
    """How somebody was told; `fault` says why the last attempt failed, null for one that did not."""

    medium = serializers.CharField()
    recipient = serializers.CharField()
    state = serializers.CharField()
    attempts = serializers.IntegerField()
    fault = serializers.CharField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class AlertOutput(serializers.Serializer[Any]):
    """An alert with its deliveries."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    subject = serializers.UUIDField(source="subject_id")
    organisation = serializers.CharField(source="organisation_name")
    created_at = serializers.DateTimeField()
    deliveries = DeliveryOutput(many=True)


class AlertPageOutput(serializers.Serializer[Any]):
    """A page of alerts, of `count` in all; `untried` are deliveries that are due and that nothing attempts."""

    alerts = AlertOutput(many=True)
    untried = serializers.IntegerField()
    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()


class WebhookOutput(serializers.Serializer[Any]):
    """A webhook; `organisation` is empty for one that is told of every organisation's alerts."""

    id = serializers.UUIDField(source="webhook_id")
    name = serializers.CharField()
    organisation = serializers.CharField(source="organisation_name")
    url = serializers.CharField()
    kinds = serializers.ListField(child=serializers.CharField())
    registered_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class RegisteredWebhookOutput(serializers.Serializer[Any]):
    """A webhook that was registered; `secret` is given out this once."""

    id = serializers.UUIDField(source="webhook_id")
    secret = serializers.CharField()


class Alerts(ServiceView):
    """The alerts."""

    query_input = AlertsInput

    @extend_schema(operation_id="alerts_list", parameters=[AlertsInput], responses=AlertPageOutput)
    def get(self, request: Request) -> Response:
        """Return a page of the alerts of the requester's organisation, or of all."""
        asked = self.query()
        found = list_alerts(
            requester=self.requester, is_failing=asked["failing"], page=asked["page"], now=timezone.now()
        )
        return Response(AlertPageOutput(found).data)


class Webhooks(ServiceView):
    """The webhooks."""

    @extend_schema(responses=WebhookOutput(many=True))
    def get(self, request: Request) -> Response:
        """Return the webhooks of the requester's organisation, or of all."""
        self.query()
        return Response(WebhookOutput(list_webhooks(requester=self.requester, now=timezone.now()), many=True).data)

    @extend_schema(request=WebhookInput, responses={201: RegisteredWebhookOutput})
    def post(self, request: Request) -> Response:
        """Register a webhook."""
        self.query()
        given = self.body(WebhookInput)
        webhook = NewWebhook(
            name=given["name"],
            url=given["url"],
            kinds=tuple(given["kinds"]),
            organisation_ods=given["organisation"],
            is_for_every_organisation=given["every_organisation"],
        )
        registered = register_webhook(requester=self.requester, webhook=webhook, now=timezone.now())
        return Response(RegisteredWebhookOutput(registered).data, status=201)


class EndWebhook(ServiceView):
    """The end of a webhook."""

    @extend_schema(request=EndWebhookInput, responses={204: None})
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """End a webhook."""
        self.query()
        end_webhook(requester=self.requester, webhook_id=webhook_id, now=timezone.now(), **self.body(EndWebhookInput))
        return Response(status=204)


class TryWebhook(ServiceView):
    """A test of a webhook."""

    @extend_schema(request=None, responses={202: None})
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Send a test; the list of alerts shows how it went."""
        self.query()
        try_webhook(requester=self.requester, webhook_id=webhook_id, now=timezone.now())
        return Response(status=202)
