"""What a programme loads is read whole, or refused in words: no code is left out unnoticed."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from aggregator.terminology import compiled
from aggregator.terminology.compiled import TerminologyError, put_in_place, read_sets, written_beside
from aggregator.terminology.sensitivity import Sensitivity
from aggregator.terminology.value_sets import ValueSet, codes_of_csv, codes_of_value_set

COMPOSED = {
    "resourceType": "ValueSet",
    "url": "https://example.org/vs",
    "compose": {"include": [{"system": "s", "concept": [{"code": "1"}, {"code": "2", "display": "Two"}]}]},
}
EXPANDED = {
    "resourceType": "ValueSet",
    "url": "https://example.org/vs",
    "compose": {"include": [{"system": "s", "filter": [{"property": "concept", "op": "is-a", "value": "1"}]}]},
    "expansion": {
        "total": 4,
        "contains": [
            {"system": "s", "code": "0", "abstract": True, "contains": [{"system": "s", "code": "1"}]},
            {"system": "t", "code": "2"},
            {"system": "s", "code": "3"},
        ],
    },
}
CODE = {"system": "s", "code": "1"}
TRUNCATED = {"url": "http://hl7.org/fhir/StructureDefinition/valueset-toocostly", "valueBoolean": True}


def read(value_set: object) -> tuple[str, frozenset[tuple[str, str]]]:
    sent = value_set if isinstance(value_set, bytes) else json.dumps(value_set).encode()
    return codes_of_value_set(value_set=sent)


def test_the_codes_that_are_listed_are_taken() -> None:
    assert read(COMPOSED) == ("https://example.org/vs", {("s", "1"), ("s", "2")})
    assert read(EXPANDED) == ("https://example.org/vs", {("s", "1"), ("t", "2"), ("s", "3")})


@pytest.mark.parametrize(
    "extension",
    [
        {**TRUNCATED, "valueBoolean": False},
        {"url": "http://hl7.org/fhir/StructureDefinition/valueset-unclosed", "valueBoolean": True},
    ],
)
def test_an_expansion_that_was_not_cut_off_is_taken(extension: dict[str, Any]) -> None:
    whole = changed(EXPANDED, expansion={"extension": [extension], "offset": 0, "total": 1, "contains": [CODE]})
    assert read(whole) == ("https://example.org/vs", {("s", "1")})


def changed(value_set: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {name: value for name, value in {**value_set, **members}.items() if value is not None}


@pytest.mark.parametrize(
    ("value_set", "reason"),
    [
        (b"{", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b"[]", "no ValueSet"),
        (changed(COMPOSED, resourceType="CodeSystem"), "no ValueSet"),
        (changed(COMPOSED, url=None), "no url"),
        (changed(COMPOSED, compose=None), "lists no code"),
        (changed(EXPANDED, expansion=None), "by a rule"),
        (changed(COMPOSED, compose={"include": [{"valueSet": ["x"]}]}), "by a rule"),
        (changed(COMPOSED, compose={"include": [{"system": "s"}]}), "by a rule"),
        (changed(COMPOSED, compose={**COMPOSED["compose"], "exclude": [{"system": "s"}]}), "excludes"),  # type: ignore[dict-item]
        (changed(COMPOSED, compose={"include": [{"concept": [{"code": "1"}]}]}), "no system"),
        (changed(EXPANDED, expansion={"total": 9, "contains": [{"system": "s", "code": "1"}]}), "one page of several"),
        (changed(EXPANDED, expansion={"offset": 1, "contains": [{"system": "s", "code": "1"}]}), "one page of several"),
        (changed(EXPANDED, expansion={"total": "9", "contains": [{"system": "s", "code": "1"}]}), "no whole number"),
        (changed(EXPANDED, expansion={"extension": [TRUNCATED], "contains": [CODE]}), "not complete"),
        (changed(EXPANDED, expansion={"extension": [{"url": TRUNCATED["url"]}], "contains": [CODE]}), "not complete"),
        (changed(EXPANDED, expansion={"contains": [CODE, {**CODE, "contains": {"code": "2"}}]}), "list of objects"),
        (changed(EXPANDED, expansion={"contains": [CODE, "2"]}), "list of objects"),
        (changed(COMPOSED, compose={"include": {"system": "s", "concept": [CODE]}}), "list of objects"),
        (changed(COMPOSED, compose={"include": [{"system": "s", "concept": [CODE, None]}]}), "list of objects"),
        (
            b'{"resourceType":"ValueSet","url":"x","compose":{"include":[]},"compose":{"include":[{"system":"s"}]}}',
            "twice",
        ),
    ],
)
def test_what_would_leave_codes_out_is_refused(value_set: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(value_set)


def test_a_csv_gives_its_good_lines_and_names_the_others() -> None:
    codes, rejected = codes_of_csv(lines=["code,system,display", "1,s,One", ",s,", "2,,", "3,t,Three"])
    assert codes == {("s", "1"), ("t", "3")}
    assert [line.line for line in rejected] == [3, 4]
    with pytest.raises(ValueError, match="system"):
        codes_of_csv(lines=["code", "1"])


SNOMED_CT = "http://snomed.info/sct"


@pytest.mark.parametrize(
    "code", ["15628003", "22298006", "999000041000000102", "15628003:246112005=24484000", "15628003 |Gonorrhoea|"]
)
@pytest.mark.parametrize("system", [SNOMED_CT, f"{SNOMED_CT}|http://snomed.info/sct/83821000000107"])
def test_identifiers_of_snomed_ct_are_taken(system: str, code: str) -> None:
    assert codes_of_csv(lines=["system,code", f"{system},{code}"]) == ({(system, code)}, [])


@pytest.mark.parametrize(
    "code",
    ["15628004", "15628030", "999000041000000000", "9.99E+17", "9,99E+17", "156", "F52", "015628003", "1562800３"],
)
def test_what_a_spreadsheet_has_made_of_a_long_identifier_is_not(code: str) -> None:
    codes, [rejected] = codes_of_csv(lines=["system,code", f'{SNOMED_CT},"{code}"'])
    assert (codes, rejected.line) == (set(), 2)
    assert "spreadsheet" in rejected.reason
    with pytest.raises(ValueError, match="spreadsheet"):
        read({**COMPOSED, "compose": {"include": [{"system": SNOMED_CT, "concept": [{"code": code}]}]}})


HIV_SET = ValueSet(url="mine", sensitivity=Sensitivity.HIV, codes=frozenset({("s", "1"), ("t", "2")}))


def write(*, path: Path, value_sets: list[ValueSet]) -> None:
    with written_beside(path=path, value_sets=value_sets) as written:
        put_in_place(written=written, path=path)


def test_a_compiled_file_gives_back_what_was_written_and_is_only_read(tmp_path: Path) -> None:
    path = tmp_path / "terminology.json"
    write(path=path, value_sets=[HIV_SET])
    assert read_sets(path=path) == (HIV_SET,)
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    write(path=path, value_sets=[])
    assert read_sets(path=path) == ()
    assert [each.name for each in tmp_path.iterdir()] == ["terminology.json"]


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"format":2,"sets":[]}', b'{"format":1,"sets":[{"url":"x"}]}']
)
def test_one_that_cannot_be_read_is_an_error_and_never_empty(tmp_path: Path, content: bytes, settings: Any) -> None:
    settings.TERMINOLOGY_FILE = tmp_path / "terminology.json"
    with pytest.raises(TerminologyError):
        compiled.finder()
    settings.TERMINOLOGY_FILE.write_bytes(content)
    with pytest.raises(TerminologyError):
        compiled.finder()


def test_what_is_loaded_counts_at_once_beside_what_comes_with_the_service(tmp_path: Path, settings: Any) -> None:
    settings.TERMINOLOGY_FILE = path = tmp_path / "terminology.json"
    own, shipped = (b'{"system":"s","code":"1"}', b'{"system":"http://snomed.info/sct","code":"15628003"}')
    write(path=path, value_sets=[])
    assert compiled.finder().sensitivities_in(resource=own) == set()
    write(path=path, value_sets=[HIV_SET])
    assert compiled.finder().sensitivities_in(resource=own) == {Sensitivity.HIV}
    assert compiled.finder().sensitivities_in(resource=shipped) == {Sensitivity.SEXUAL_HEALTH}
