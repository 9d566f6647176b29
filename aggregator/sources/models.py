"""The registered sources."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from aggregator.accounts.models import Organisation
from aggregator.terminology.sensitivity import Sensitivity

# How long an answer is fresh unless a source's settings say otherwise, and the longest that they may say. Seconds.
FRESH_S, MOST_FRESH_S = 300, 900


class Source(models.Model):
    """A system that holds records, and how to ask it.

    `identifier_system` is the system of the local identifiers under which it knows its patients; for GP Connect that
    of the NHS number. `options` are the kind's own settings (each connector's README lists them).
    `holds` are the categories of content that it may hold, as its own statement or its settings say; None: neither
    says, so it may hold everything that its kind can provide. `discloses` is the sensitive matter that its name alone
    tells of whoever is known there, "" for none. `requests_per_minute`: how often it may be asked for a record, None:
    as often as needed. `freshness_s`: for so long after it was asked an answer of its may be used again in place of
    asking it, 0 for never. `revision` grows with every change of these settings and with every pause and resumption.
    `rank` orders sources in survivorship rules, lower first.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=200)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    kind = models.CharField(max_length=30)
    base_url = models.URLField(max_length=500)
    identifier_system = models.CharField(max_length=300, blank=True)
    options = models.JSONField(default=dict, blank=True)
    holds = ArrayField(models.CharField(max_length=30), null=True, blank=True)
    discloses = models.CharField(
        max_length=30, blank=True, choices=[(matter.value, matter.value) for matter in Sensitivity]
    )
    time_limit_s = models.FloatField(default=9.0, validators=[MinValueValidator(0.1)])
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    freshness_s = models.PositiveIntegerField(default=FRESH_S, validators=[MaxValueValidator(MOST_FRESH_S)])
    revision = models.PositiveIntegerField(default=0)
    rank = models.PositiveSmallIntegerField(default=100)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "source"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(time_limit_s__gt=0), name="source_time_limit_positive"),
            models.CheckConstraint(
                condition=Q(requests_per_minute__isnull=True) | Q(requests_per_minute__gt=0),
                name="source_requests_per_minute_positive",
            ),
            models.CheckConstraint(condition=Q(freshness_s__lte=MOST_FRESH_S), name="source_freshness_at_most"),
            models.CheckConstraint(
                condition=Q(holds__isnull=True) | Q(holds__len__gt=0), name="source_holds_something"
            ),
        ]

    def __str__(self) -> str:
        return self.slug
