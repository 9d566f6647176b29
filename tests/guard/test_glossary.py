"""The glossary and the code use the same words: every closed set of strings that ships is in it, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib import import_module
from pathlib import Path

import pytest
from django.db.models import TextChoices

from aggregator.mpi.reviews import Cause, cause_words
from aggregator.record.categories import CATEGORIES
from aggregator.record.completeness.claims import AllergyStatus, Emptiness
from aggregator.record.completeness.words import ALLERGY_WORDS, empty_words
from aggregator.record.timeline import DetailLabel, Standing
from aggregator.web.wording import STANDING_WORDS
from connectors.contract.categories import RecordCategory
from connectors.contract.notices import NoticeCode
from connectors.contract.outcomes import Outcome, Reason

PROJECT = Path(__file__).resolve().parents[2]
GLOSSARY = (PROJECT / "docs" / "glossary.md").read_text()
SHIPPED = ("aggregator", "config", "connectors", "fhir_data")

# `docs/outcomes.md` has these, and tests/guard/test_documents.py compares them; a label is its own words.
ELSEWHERE = {Outcome, Reason, NoticeCode, DetailLabel}

# The words of those sets that keep them outside their members.
WORDS: dict[type[StrEnum], Mapping[str, str]] = {
    RecordCategory: {category: rules.title for category, rules in CATEGORIES.items()},
    AllergyStatus: ALLERGY_WORDS,
    Emptiness: {why: empty_words(emptiness=why, category=RecordCategory.ALLERGIES) for why in Emptiness},
    Standing: STANDING_WORDS,
    Cause: {cause: cause_words(cause=cause) for cause in Cause},
}

Closed = type[StrEnum] | type[TextChoices]


def closed_sets() -> Iterator[Closed]:
    """Yield every public enum of strings that ships."""
    for path in sorted(path for package in SHIPPED for path in (PROJECT / package).rglob("*.py")):
        names = [
            node.name
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.ClassDef)
            and not node.name.startswith("_")
            and any(ast.unparse(base).endswith(("StrEnum", "TextChoices")) for base in node.bases)
        ]
        for name in names:
            module = import_module(".".join(path.relative_to(PROJECT).with_suffix("").parts))
            yield getattr(module, name)


def rows(text: str) -> list[tuple[str, str]]:
    """Return the rows of the tables in a text, but their headings."""
    lines = re.findall(r"^\| (.+?) \| (.+) \|$", text, re.MULTILINE)
    return [row for row in lines if row not in {("code", "in words"), ("term", "meaning")}]


def sections() -> dict[str, list[tuple[str, str]]]:
    """Return the table of each enum in the glossary, by its name."""
    _, *parts = re.split(r"^### `(\w+)`$", GLOSSARY, flags=re.MULTILINE)
    return {name: rows(text) for name, text in zip(parts[::2], parts[1::2], strict=True)}


CLOSED = tuple(enum for enum in closed_sets() if enum not in ELSEWHERE)


def test_the_glossary_has_every_closed_set_and_no_other() -> None:
    assert len({enum.__name__ for enum in CLOSED}) == len(CLOSED) > 20
    assert set(sections()) == {enum.__name__ for enum in CLOSED}
    assert set(closed_sets()) >= ELSEWHERE


@pytest.mark.parametrize("enum", CLOSED, ids=lambda enum: str(enum.__name__))
def test_each_member_is_there_once_with_the_words_of_the_code(enum: Closed) -> None:
    listed = sections()[enum.__name__]
    words = dict(listed)
    assert sorted(code for code, _ in listed) == sorted(f"`{member.value}`" if member else '`""`' for member in enum)
    for member in enum:
        own_words = WORDS[enum][member] if enum in WORDS else getattr(member, "words", None)
        if own_words is not None:
            assert words[f"`{member.value}`"] == own_words


def test_the_words_of_the_code_are_found_where_they_are() -> None:
    compared = {enum.__name__ for enum in CLOSED if enum in WORDS or hasattr(next(iter(enum)), "words")}
    assert compared == {
        *(
            "Action",
            "AlertKind",
            "AlertMedium",
            "AllergyStatus",
            "AssertionFault",
            "BreakerState",
            "Cause",
            "Decision",
            "EmergencyPreview",
            "DeliveryFault",
            "DeliveryState",
            "EmergencyReason",
            "Emptiness",
            "FileKind",
            "FileProblem",
            "FlawReason",
            "HealthReason",
            "JoinRule",
            "KeySetFault",
            "OfficerVerdict",
            "Permission",
            "PointLevel",
            "PointVerdict",
            "PreviewReason",
            "Reach",
            "RecordCategory",
            "RelationshipKind",
            "RelationshipState",
            "ReportedStatus",
            "ReviewedKind",
            "Role",
            "Sensitivity",
            "SourceCondition",
            "Standing",
            "StepState",
            "TrialStep",
        ),
    }


def test_each_term_is_there_once_in_order_and_has_one_sentence() -> None:
    terms = rows(GLOSSARY.split("### `", 1)[0])
    names = [name for name, _ in terms]
    assert names == sorted(set(names))
    assert len(names) > 50
    for name, meaning in terms:
        assert re.fullmatch(r"[A-Z][^.]*\.", meaning), name
