"""A source that cannot be registered is refused by the name of the field, and nothing of it is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aggregator.accounts.requester import operator
from aggregator.errors import Invalid
from aggregator.services.add_source import NewSource, add_source
from aggregator.sources.models import Source

pytestmark = pytest.mark.django_db

GOOD = NewSource(
    slug="royal",
    name="Royal Hospital",
    kind="fhir_r4",
    base_url="https://royal.example/R4",
    organisation_ods="RXX",
    organisation_name="Royal Hospital",
)


def test_a_good_one_is_registered() -> None:
    assert add_source(requester=operator(), source=GOOD)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "Royal"),
        ("slug", "r" * 61),
        ("base_url", "https://[::1/R4"),
        ("base_url", "ftp://royal.example"),
        ("base_url", "https://royal.example/" + "r" * 500),
        ("name", "R" * 201),
        ("organisation_name", "R" * 201),
        ("organisation_ods", ""),
        ("organisation_ods", "R" * 21),
        ("identifier_system", "r" * 301),
        ("time_limit_s", float("nan")),
        ("time_limit_s", 0.0),
        ("rank", -1),
        ("rank", 32768),
    ],
)
def test_one_that_cannot_be_kept_names_its_field(field: str, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        add_source(requester=operator(), source=replace(GOOD, **{field: value}))
    assert refused.value.field == field
    assert not Source.objects.exists()
