"""Wherever a page says that the next one is, no other server is asked, and nothing outside the base."""

from __future__ import annotations

from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from connectors.addresses import is_within, page_address, redirect_address
from tests import proofs

laws = proofs.laws(examples=300)
BASE = "https://hospital.example/fhir"
NAMES = ("http://inside.example:8080/r4", "https://hospital.example")
PIECES = (
    *("https://", "http://", "//", "/", "?", "#", "@", ":", ":443", "\\", " ", "\n", "%2e", "..", "."),
    *("hospital.example", "evil.example", "inside.example:8080", "user", "fhir", "r4", "Patient", "Observation", "p1"),
    *("$everything", "page=2", "&", "_getpages=1", "Http", "é", "[", "]"),
)
ADDRESSES = st.lists(st.sampled_from(PIECES), max_size=9).map("".join) | st.text(max_size=40)
PAGES = st.sampled_from([f"{BASE}/Observation?patient=p1", f"{BASE}/Patient/p1/$everything?_count=200", BASE])


@laws
@given(address=ADDRESSES, on=PAGES)
def test_a_link_leads_into_the_base_or_nowhere(address: str, on: str) -> None:
    asked = page_address(address=address, on=on, base=BASE, names=NAMES)
    assert not asked or is_within(url=asked, base=BASE)
    assert not asked or urlsplit(asked).hostname == "hospital.example"


@laws
@given(address=ADDRESSES, on=PAGES)
def test_a_redirect_leads_to_where_a_link_would_or_nowhere(address: str, on: str) -> None:
    asked = redirect_address(address=address, on=on, base=BASE, names=NAMES)
    assert asked in ("", page_address(address=address, on=on, base=BASE, names=NAMES))


@laws
@given(path=st.sampled_from(["Observation", "Patient/p1/$everything"]), on=PAGES, slash=st.sampled_from(["", "/"]))
def test_what_begins_with_a_type_is_found_from_the_base_whatever_page_names_it(path: str, on: str, slash: str) -> None:
    asked = page_address(address=f"{slash}{path}?page=2", on=on, base=BASE, names=())
    assert asked == f"{BASE}/{path}?page=2"
