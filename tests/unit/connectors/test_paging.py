"""How many pages there are and where the later ones are, by what the first page says."""

from __future__ import annotations

import pytest

from connectors.contract.errors import Malformed
from connectors.contract.outcomes import Reason
from connectors.fhir_r4.pages import Survey
from connectors.fhir_r4.paging import MAX_PAGES, following, how_many, pages_after

BASE = "https://hospital.example/fhir"


def first(*, second: str, last: str = "", total: int | None = None, counted: int = 10) -> Survey:
    links = [("next", second), *([("last", last)] if last else [])]
    return Survey(
        resource_type="Bundle",
        links=tuple(links),
        total=total,
        entries=counted,
        counted=counted,
        has_content=True,
        warnings=(),
    )


@pytest.mark.parametrize(
    ("second", "last", "total", "later"),
    [
        ("Observation?patient=1&page=2", "Observation?patient=1&page=4", None, ["page=3", "page=4"]),
        ("Observation?_page=2&patient=1", "", 35, ["_page=3&patient=1", "_page=4&patient=1"]),
        ("?_getpages=ab-12&_getpagesoffset=10&_count=10", "", 31, ["offset=20&_count=10", "offset=30&_count=10"]),
        ("Observation?patient=10&_offset=10", "Observation?patient=10&_offset=30", 40, ["_offset=20", "_offset=30"]),
        ("Observation?cursor=10", "Observation?cursor=30", None, ["cursor=20", "cursor=30"]),
        # No number tells, or more than one might, or it is not known where it ends.
        ("Observation?patient=1&after=xyz", "", 40, []),
        ("Observation?patient=1&page=2", "", None, []),
        ("Observation?page=2&offset=10", "", 40, []),
        ("Observation?patient=1&page=2", "Observation?patient=2&page=4", None, []),
        ("Observation?patient=1&page=0", "", 40, []),
        ("Observation?patient=1&page=two", "", 40, []),
        ("Observation?patient=1&page=2", "", 15, []),
    ],
)
def test_where_later_pages_are_is_worked_out_where_one_number_counts_them(
    second: str, last: str, total: int | None, later: list[str]
) -> None:
    address = f"{BASE}/{second}"
    found = pages_after(second=address, first=first(second=address, last=last and f"{BASE}/{last}", total=total))
    assert len(found) == len(later)
    assert all(each.endswith(end) and each.startswith(BASE) for each, end in zip(found, later, strict=True))


def test_the_rest_of_the_address_stays_as_it_was_written() -> None:
    address = f"{BASE}/Observation?code=a%7Cb&patient=page%3D2&page=2&_count=10"
    (third,) = pages_after(second=address, first=first(second=address, total=30))
    assert third == f"{BASE}/Observation?code=a%7Cb&patient=page%3D2&page=3&_count=10"


def test_a_page_of_nothing_that_counts_says_nothing() -> None:
    assert how_many(first=first(second=f"{BASE}/Observation?page=2", total=10, counted=0)) is None


@pytest.mark.parametrize("total", [10_000, 10**9, 10**39])
def test_no_more_pages_are_expected_than_are_read_whatever_a_source_counts(total: int) -> None:
    address = f"{BASE}/Observation?_offset=10"
    found = pages_after(second=address, first=first(second=address, total=total))
    assert len(found) <= MAX_PAGES
    assert found[0] == f"{BASE}/Observation?_offset=20"


@pytest.mark.parametrize("broken", ["https://[x/fhir?page=2", "//[?page=2"])
def test_links_that_cannot_be_read_tell_of_no_page(broken: str) -> None:
    assert how_many(first=first(second=broken, last=broken)) is None
    address = f"{BASE}/Observation?page=2"
    assert len(pages_after(second=address, first=first(second=address, last=broken, total=30))) == 1


def survey_of(*links: tuple[str, str]) -> Survey:
    return Survey(resource_type="Bundle", links=links, total=None, entries=0, counted=0, has_content=False, warnings=())


def test_the_next_page_is_the_one_that_a_page_names() -> None:
    assert following(survey_of(("self", "a"), ("next", "b"), ("next", "b"))) == "b"
    assert following(survey_of(("next", ""))) == ""
    assert following(survey_of(("self", "a"))) is None
    with pytest.raises(Malformed) as caught:
        following(survey_of(("next", "a"), ("next", "b")))
    assert caught.value.reason is Reason.PAGING
