"""The registered sources, and the connector of each kind."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from aggregator.errors import Invalid
from aggregator.sources import catalogue
from aggregator.sources.checks import declared_connectors
from aggregator.sources.operations import put_source
from aggregator.sources.queries import all_sources, source_by_slug
from tests.factories import organisation, source


@pytest.fixture
def declared(settings: Any) -> Any:
    """The settings, with a catalogue that remembers nothing of other declarations."""
    catalogue.connector_for.cache_clear()
    yield settings
    catalogue.connector_for.cache_clear()


@pytest.mark.parametrize("kind", catalogue.kinds())
def test_every_declared_kind_has_a_connector_of_that_kind_that_can_give_something(kind: str) -> None:
    connector = catalogue.connector_for(kind=kind)
    assert connector.kind == kind
    assert any(category.is_clinical for category in connector.capabilities.categories)
    assert catalogue.connector_for(kind=kind) is connector


def test_a_kind_that_is_not_declared_is_named_as_such() -> None:
    with pytest.raises(Invalid, match="the kinds are") as refused:
        catalogue.connector_for(kind="telegraph")
    assert refused.value.code == "unknown-kind"


def test_the_declared_connectors_pass_the_check() -> None:
    assert declared_connectors(None) == []


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("connectors.nowhere.Connector", "sources.E001"),
        ("connectors.fhir_r4.connector.Nothing", "sources.E001"),
        ("connectors.gp_connect.connector.GpConnect", "sources.E002"),
        ("connectors.transport.channels.LoopChannels", "sources.E003"),
        ("tests.strange_connector.StrangelyPointed", "sources.E004"),
    ],
)
def test_a_declaration_that_does_not_hold_what_it_says_is_an_error(declared: Any, path: str, problem: str) -> None:
    declared.CONNECTORS = {"strange" if "strange" in path else "fhir_r4": path}
    assert [found.id for found in declared_connectors(None)] == [problem]


@pytest.mark.django_db
def test_sources_are_listed_by_rank_in_use_or_not() -> None:
    source(slug="last", rank=30)
    source(slug="beta", rank=10)
    source(slug="alpha", rank=10)
    source(slug="off", rank=1, enabled=False)
    assert [one.slug for one in all_sources()] == ["off", "alpha", "beta", "last"]


@pytest.mark.django_db
def test_a_source_is_added_once_and_changed_after() -> None:
    values = {"name": "The Practice", "organisation": organisation(), "kind": "gp_connect", "base_url": "http://a/"}
    assert put_source(slug="practice", **values)
    assert not put_source(slug="practice", **{**values, "name": "Mill Lane"})
    found = source_by_slug(slug="practice")
    assert found is not None
    assert found.name == "Mill Lane"
    assert source_by_slug(slug="nowhere") is None


@pytest.mark.django_db
def test_a_source_needs_a_short_name_of_its_own_and_time_to_answer() -> None:
    source(slug="practice")
    with pytest.raises(IntegrityError), transaction.atomic():
        source(slug="practice")
    with pytest.raises(IntegrityError), transaction.atomic():
        source(time_limit_s=0)
