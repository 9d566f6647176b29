"""What the record's pages leave behind them."""

from __future__ import annotations

import pytest

from aggregator.audit.models import AuditEvent
from tests.world import make_world, signed_in_client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("words", ["joan-ferris-has-diabetes", "a" * 3000, "A" * 20, "a" * 19])
def test_words_in_an_address_do_not_reach_the_audit(words: str) -> None:
    world = make_world()
    clinician = signed_in_client("dr.osei")
    location = clinician.post(f"/people/{world.joan}/record").headers["Location"]
    assert clinician.get(f"{location}/entries/{words}").status_code == 404
    assert not AuditEvent.objects.filter(detail__part="entry").exists()


def test_an_entry_that_is_not_there_is_asked_for_by_its_name_alone() -> None:
    world = make_world()
    clinician = signed_in_client("dr.osei")
    location = clinician.post(f"/people/{world.joan}/record").headers["Location"]
    assert clinician.get(f"{location}/entries/{'a' * 20}").status_code == 404
    assert AuditEvent.objects.filter(entry="a" * 20).count() == 1


def test_a_section_has_a_page_of_its_own_that_is_audited_by_its_name() -> None:
    world = make_world()
    clinician, outsider = signed_in_client("dr.osei"), signed_in_client("dr.far")
    location = clinician.post(f"/people/{world.joan}/record").headers["Location"]
    answer = clinician.get(f"{location}/sections/allergies")
    assert answer.status_code == 200
    assert b"Allergies and adverse reactions" in answer.content
    assert AuditEvent.objects.filter(detail__part="section allergies").count() == 1
    assert outsider.get(f"{location}/sections/allergies").status_code == 404


@pytest.mark.parametrize(
    "tail", ["joan-has-diabetes", "supporting", "allergies?page=0", "allergies?page=x", "allergies?page=2"]
)
def test_a_section_or_page_that_is_not_there_is_not_found(tail: str) -> None:
    world = make_world()
    clinician = signed_in_client("dr.osei")
    location = clinician.post(f"/people/{world.joan}/record").headers["Location"]
    assert clinician.get(f"{location}/sections/{tail}").status_code == 404
    assert not AuditEvent.objects.filter(detail__part__contains="joan").exists()
