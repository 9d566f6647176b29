"""Which of the addresses that a source sends are its own, and what a Binary that it sends holds."""

from __future__ import annotations

import json

import pytest

from connectors import documents
from connectors.addresses import (
    is_on_server,
    is_within,
    joined,
    own_address,
    page_address,
    parameters_of,
    redirect_address,
)
from connectors.contract.errors import Malformed, NotAsked
from connectors.contract.outcomes import Reason
from connectors.contract.values import Document
from connectors.transport.pace import finish
from fhir_data.limits import MAX_DOCUMENT_BYTES

BASE = "https://gp.example/fhir"


@pytest.mark.parametrize(
    ("url", "on_server", "within"),
    [
        (f"{BASE}/Observation?page=2", True, True),
        (BASE, True, True),
        (f"{BASE}/", True, True),
        ("https://gp.example/fhir2/Observation", True, False),
        ("https://gp.example/Observation", True, False),
        ("HTTPS://GP.example/fhir/Observation", True, True),
        (f"{BASE}/../admin", False, False),
        (f"{BASE}/%2E%2e/admin", False, False),
        (f"{BASE}/a%2Fb", False, False),
        (f"{BASE}/a%5Cb", False, False),
        (f"{BASE}/a\\b", False, False),
        (f"{BASE}/a b", False, False),
        (f"{BASE}/a\tb", False, False),
        (f"{BASE}/é", False, False),
        ("http://gp.example/fhir/Observation", False, False),
        ("https://other.example/fhir/Observation", False, False),
        ("https://gp.example:8443/fhir/Observation", False, False),
        ("https://gp.example:x/fhir/Observation", False, False),
        ("https://gp.example:443/fhir/Observation", True, True),
        ("https://user@gp.example/fhir/Observation", False, False),
        ("https://[/fhir/Observation", False, False),
        ("Observation?page=2", False, False),
        ("", False, False),
    ],
)
def test_an_address_is_a_sources_own_or_is_not_asked(url: str, on_server: bool, within: bool) -> None:
    assert (is_on_server(url=url, base=BASE), is_within(url=url, base=BASE)) == (on_server, within)
    assert is_within(url=url, base=f"{BASE}/") is (within and url != BASE)


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("Binary/1", f"{BASE}/Binary/1"),
        ("Binary/1/_history/2", f"{BASE}/Binary/1/_history/2"),
        (f"Binary/TR_{'e' * 80}", f"{BASE}/Binary/TR_{'e' * 80}"),
        (f"{BASE}/Binary/1", f"{BASE}/Binary/1"),
        (f"{BASE}/DocumentReference/1_2/_history/3", f"{BASE}/DocumentReference/1_2/_history/3"),
        ("https://gp.example/docs/Binary/1", None),
        ("https://other.example/fhir/Binary/1", None),
        ("Patient/1", None),
        ("/Binary/1", None),
        (f"{BASE}/Patient/1", None),
        (f"{BASE}/Binary", None),
        (f"{BASE}/Binary/$export", None),
        (f"{BASE}/$op/Binary/1", None),
        (f"{BASE}/Binary/1?_format=x", None),
        (f"{BASE}/Binary/1#a", None),
        ("Binary/..", None),
        ("Binary/./_history/1", None),
        (f"{BASE}/./Binary/1", None),
        (f"{BASE}/%252e/Binary/1", None),
    ],
)
def test_a_document_is_read_at_its_sources_own_address(address: str, asked: str | None) -> None:
    for base in (BASE, f"{BASE}/"):
        if asked is None:
            with pytest.raises(NotAsked) as caught:
                documents.address_of(address=address, base=base)
            assert caught.value.reason is Reason.ELSEWHERE
        else:
            assert documents.address_of(address=address, base=base) == asked


def test_a_document_may_lie_beside_the_base_where_the_kind_says_so() -> None:
    beside = "https://gp.example/docs/Binary/1"
    assert documents.address_of(address=beside, base=BASE, beside_base=True) == beside
    for address in ("https://other.example/docs/Binary/1", "https://gp.example/docs/Patient/1"):
        with pytest.raises(NotAsked):
            documents.address_of(address=address, base=BASE, beside_base=True)


def test_as_much_may_come_as_the_largest_document_takes_in_base64() -> None:
    assert MAX_DOCUMENT_BYTES * 4 / 3 < documents.allowance().left < MAX_DOCUMENT_BYTES * 4 / 3 + 100_000


def read(body: bytes, *, content_name: str = "data") -> Document:
    return finish(steps=documents.read_binary(bodies=[body], content_name=content_name))


def test_a_binary_is_its_content_and_all_else_that_it_says() -> None:
    meta = {"security": [{"system": "s", "code": "R"}, {"code": None}]}
    sent = {"resourceType": "Binary", "contentType": "text/plain", "data": "YQ==", "meta": meta}
    whole = read(json.dumps(sent).encode())
    assert (whole.content_type, whole.encoded) == ("text/plain", "YQ==")
    assert json.loads(whole.head) == {"resourceType": "Binary", "contentType": "text/plain", "meta": meta}
    stu3 = read(b'{"resourceType":"Binary","content":"YQ=="}', content_name="content")
    assert stu3 == Document(content_type="", encoded="YQ==", head=b'{"resourceType":"Binary"}')
    assert read(b'{"resourceType":"Binary"}').encoded == ""


def test_a_document_under_the_name_of_the_other_release_is_not_empty() -> None:
    bare = b'{"resourceType":"Binary"}'
    for sent, expected in (("data", "content"), ("content", "data")):
        body = json.dumps({"resourceType": "Binary", sent: "YQ=="}).encode()
        assert read(body, content_name=expected) == Document(content_type="", encoded="YQ==", head=bare)


@pytest.mark.parametrize(
    "body",
    [
        b'{"resourceType":"Patient","data":"YQ=="}',
        b"<html>",
        b'{"resourceType":"Binary","data":7}',
        b'{"resourceType":"Binary","data":"YQ==","contentType":["x"]}',
        b'{"resourceType":"Binary","data":"YQ==","data":"Yg=="}',
        b'{"resourceType":"Binary","data":"YQ==","meta":[]}',
        b'{"resourceType":"Binary","data":"YQ==","meta":{"security":"R"}}',
        b'{"resourceType":"Binary","data":"YQ==","meta":{"security":[{"code":7}]}}',
    ],
)
def test_what_is_no_binary_or_may_hide_a_label_is_no_document(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read(body)
    assert caught.value.reason is Reason.NOT_FHIR


NAMES = ("http://inside.example:8080/fhir/", "https://names.example")


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        (f"{BASE}?page=2", f"{BASE}?page=2"),
        ("http://inside.example:8080/fhir?page=2", f"{BASE}?page=2"),
        ("http://inside.example:8080/fhir/Observation?page=2", f"{BASE}/Observation?page=2"),
        ("https://names.example/Observation?page=2", f"{BASE}/Observation?page=2"),
        ("https://names.example:443/Observation", f"{BASE}/Observation"),
        ("http://inside.example/fhir/Observation", ""),
        ("https://inside.example:8080/fhir/Observation", ""),
        ("http://inside.example:8080/other/Observation", ""),
        ("http://inside.example:8080/fhir/../admin", ""),
        ("http://inside.example:8080/fhir/%2e%2e/admin", ""),
        ("http://user@inside.example:8080/fhir/Observation", ""),
        ("http://elsewhere.example/fhir", ""),
        ("", ""),
    ],
)
def test_what_lies_under_another_name_of_the_server_is_asked_for_under_its_base(url: str, asked: str) -> None:
    assert own_address(url=url, base=BASE, names=NAMES) == asked
    assert not asked or is_within(url=asked, base=BASE)


@pytest.mark.parametrize("broken", ["https://[x/fhir", "//[", "https://ho\u2100st/fhir", "https://gp.example:x/fhir"])
def test_an_address_that_cannot_be_read_is_nobodys(broken: str) -> None:
    inside = "http://inside.example:8080/fhir"
    assert not is_within(url=broken, base=BASE)
    assert own_address(url=joined(address=broken, to=f"{BASE}/Observation"), base=BASE, names=[]) == ""
    assert own_address(url=f"{inside}/Observation", base=BASE, names=[broken, inside]) == f"{BASE}/Observation"
    assert parameters_of(f"{broken}?page=2") in ({}, {"page": "2"})


def test_a_relative_address_is_one_of_what_it_stands_in() -> None:
    assert joined(address="?page=2", to=f"{BASE}/Observation?page=1") == f"{BASE}/Observation?page=2"
    assert joined(address="Observation?page=2", to=f"{BASE}/Observation") == f"{BASE}/Observation?page=2"


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("?page=2", f"{BASE}/Patient/1/$everything?page=2"),
        ("$everything?page=2", f"{BASE}/Patient/1/$everything?page=2"),
        ("Patient/1/$everything?page=2", f"{BASE}/Patient/1/$everything?page=2"),
        ("/Patient/1/$everything?page=2", f"{BASE}/Patient/1/$everything?page=2"),
        ("/fhir/Patient/1/$everything?page=2", f"{BASE}/Patient/1/$everything?page=2"),
        ("/?_getpages=2", f"{BASE}?_getpages=2"),
        ("/Observation", f"{BASE}/Observation"),
        ("/Observation/../../admin", ""),
        ("Observation/%2e%2e/admin", ""),
        ("/admin", ""),
        ("//Observation.example/fhir", ""),
        ("Http://evil.example/Observation", ""),
        ("Observation:x", ""),
        ("", f"{BASE}/Patient/1/$everything?page=1"),
    ],
)
def test_a_page_is_found_from_the_page_that_names_it_or_from_the_base(address: str, asked: str) -> None:
    on = f"{BASE}/Patient/1/$everything?page=1"
    assert page_address(address=address, on=on, base=BASE, names=[]) == asked


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("/fhir/Observation/?patient=1", f"{BASE}/Observation/?patient=1"),
        ("Observation/?patient=1", f"{BASE}/Observation/?patient=1"),
        (f"{BASE}/results/7", f"{BASE}/results/7"),
        ("Observation?_getpages=7", f"{BASE}/Observation?_getpages=7"),
        (f"{BASE}/Observation/", ""),
        (f"{BASE}//observation", ""),
        (f"{BASE}/Observation?", ""),
        (f"{BASE}/../Observation/?patient=1", ""),
        ("http://gp.example/fhir/Observation/?patient=1", ""),
        ("https://other.example/fhir/Observation/?patient=1", ""),
    ],
)
def test_a_redirect_leads_to_what_was_asked_for_within_the_base_or_nowhere(address: str, asked: str) -> None:
    assert redirect_address(address=address, on=f"{BASE}/Observation?patient=1", base=BASE, names=[]) == asked


def test_what_was_asked_without_a_question_may_be_led_to_any_place_of_its_own() -> None:
    assert redirect_address(address="1/", on=f"{BASE}/Patient/1", base=BASE, names=[]) == f"{BASE}/Patient/1/"


@pytest.mark.parametrize("around", [(b"\xef\xbb\xbf", b""), (b"\n", b" \n")])
def test_a_binary_with_a_byte_order_mark_or_space_around_it_is_one(around: tuple[bytes, bytes]) -> None:
    before, after = around
    sent = b'{"resourceType":"Binary","contentType":"text/plain","data":"YQ=="}'
    assert read(before + sent + after) == read(sent)
