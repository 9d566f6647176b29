"""How the sources are, for Prometheus: only to addresses that the settings name, and nothing about anybody.

Source: Prometheus text exposition format, version 0.0.4.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.utils import timezone
from django.views.decorators.http import require_safe

from aggregator.federation.load import LoadSeen, load_seen
from aggregator.health.queries import Health, health_of
from aggregator.health.terms import CheckResult, SourceCondition, is_own_network_away
from aggregator.sources.queries import all_sources
from config.celery import QUEUES

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BREAKERS = ("closed", "half-open", "open")

_Labels = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A source with how it is; `health` None: it has not been looked at yet."""

    slug: str
    is_paused: bool
    health: Health | None


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the figures, or 403 to an address that may not have them."""
    if not is_allowed(address=request.META.get("REMOTE_ADDR", ""), networks=settings.METRICS_NETWORKS):
        return HttpResponseForbidden()
    now = timezone.now()
    sources = all_sources()
    known = health_of(source_ids=[source.id for source in sources], now=now)
    watched = [
        Watched(slug=source.slug, is_paused=not source.enabled, health=known.get(source.id)) for source in sources
    ]
    text = text_of(watched=watched, queues=_queue_lengths(), load=_load(now), now=now)
    return HttpResponse(text, content_type=CONTENT_TYPE)


def is_allowed(*, address: str, networks: Iterable[str]) -> bool:
    """Return whether an address is in one of the networks."""
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(number in ipaddress.ip_network(network) for network in networks)


def text_of(*, watched: Iterable[Watched], queues: Mapping[str, int], load: LoadSeen | None, now: datetime) -> str:
    """Return the figures as text. What is not known has no line."""
    watched = list(watched)
    families: list[tuple[str, str, list[tuple[_Labels, float]]]] = [
        ("longview_source_state", "1 for the state that a source is in", list(_states(watched))),
        ("longview_source_paused", "1 for a source that is paused", [(_of(each), each.is_paused) for each in watched]),
        ("longview_source_breaker", "1 for the state that its breaker is in", list(_breakers(watched))),
        ("longview_source_success_ratio", "share of the last requests that it answered", list(_shares(watched))),
        ("longview_source_latency_seconds", "how long its answers took lately", list(_latencies(watched))),
        ("longview_source_check_age_seconds", "since it was last checked", list(_ages(watched, now, "checked_at"))),
        ("longview_source_report_age_seconds", "since its last report", list(_ages(watched, now, "reported_at"))),
        (
            "longview_own_network_away",
            "1 while hardly any source can be reached, most likely by a fault of our own network",
            [({}, is_own_network_away(newest=_newest_checks(watched), now=now))],
        ),
        ("longview_queue_length", "messages that wait", [({"queue": name}, count) for name, count in queues.items()]),
        *_of_load(load),
    ]
    lines: list[str] = []
    for name, words, samples in families:
        lines += [f"# HELP {name} {words}", f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}"]
        lines += [f"{name}{_written(labels)} {_number(value)}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _of_load(load: LoadSeen | None) -> Iterator[tuple[str, str, list[tuple[_Labels, float]]]]:
    if load is None:
        return
    figures: list[tuple[str, str, float | None]] = [
        ("longview_retrievals_under_way", "records that are being asked for", load.under_way),
        ("longview_retrievals_limit", "how many the workers take at once", load.limit),
        ("longview_worker_late_seconds", "how late the latest worker is", load.late_s),
        ("longview_clocks_apart_seconds", "how far the clocks of web and workers lie apart", load.apart_s),
        ("longview_retrievals_shed_total", "records not opened, since too many were under way", load.shed),
    ]
    for name, words, value in figures:
        yield name, words, [] if value is None else [({}, value)]


def _of(each: Watched, **more: str) -> _Labels:
    return {"source": each.slug, **more}


def _known(watched: Iterable[Watched]) -> Iterator[tuple[Watched, Health]]:
    return ((each, each.health) for each in watched if each.health is not None)


def _newest_checks(watched: Iterable[Watched]) -> Iterator[tuple[CheckResult, datetime]]:
    for each, health in _known(watched):
        if health.check is not None and health.checked_at is not None and not each.is_paused:
            yield health.check, health.checked_at


def _states(watched: Iterable[Watched]) -> Iterator[tuple[_Labels, float]]:
    for each in watched:
        current = each.health.judgement.condition if each.health else SourceCondition.UNKNOWN
        for condition in SourceCondition:
            yield _of(each, state=condition.value), condition is current


def _breakers(watched: Iterable[Watched]) -> Iterator[tuple[_Labels, float]]:
    for each, health in _known(watched):
        if health.traffic.breaker:
            for state in BREAKERS:
                yield _of(each, state=state), state == health.traffic.breaker


def _shares(watched: Iterable[Watched]) -> Iterator[tuple[_Labels, float]]:
    for each, health in _known(watched):
        if health.traffic.success is not None:
            yield _of(each), health.traffic.success


def _latencies(watched: Iterable[Watched]) -> Iterator[tuple[_Labels, float]]:
    for each, health in _known(watched):
        for quantile, value in (("0.5", health.traffic.p50_ms), ("0.95", health.traffic.p95_ms)):
            if value is not None:
                yield _of(each, quantile=quantile), value / 1000


def _ages(watched: Iterable[Watched], now: datetime, what: str) -> Iterator[tuple[_Labels, float]]:
    for each, health in _known(watched):
        at = health.checked_at if what == "checked_at" else health.reports.newest_at
        if at is not None:
            yield _of(each), max(0.0, (now - at).total_seconds())


def _written(labels: _Labels) -> str:
    """Return labels as text. Short names of sources have letters, digits and hyphens alone: nothing needs escaping."""
    pairs = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _number(value: float) -> str:
    """Return a number with all its digits: a counter must show each step, however far it has come."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _load(now: datetime) -> LoadSeen | None:
    """Return how much is under way; None while Redis is away."""
    try:
        with redis.Redis.from_url(settings.HELD_REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as client:
            return load_seen(client=client, now=now)
    except redis.RedisError:
        return None


def _queue_lengths() -> dict[str, int]:
    """Return how many messages wait in each queue; nothing while Redis is away."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as client:
            return {queue: int(client.llen(queue)) for queue in QUEUES}
    except redis.RedisError:
        return {}
