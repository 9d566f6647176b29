"""Whether two sets of demographics may be linked without a human, and whether an answer is about the person asked for.

Exact rules only: a score alone links twins and namesakes, so an automatic link needs a written minimum of agreement and
no veto. Everything else waits for review. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from aggregator.mpi.demographics import (
    PLACEHOLDER_POSTCODE,
    Demographics,
    birth_date_is_placeholder,
    clean_name,
    clean_postcode,
    first_given,
    have_same_first_given,
    name_is_placeholder,
    with_name_read_like,
)
from aggregator.mpi.nicknames import is_short_for

RULES_VERSION = "exact-1"
# How records became people of their own: the first of somebody, and by a human's decision.
NEW_PERSON, BY_REVIEW = "first-record", "by-review"
# How a record that a rule had linked to somebody came to whom a human joined them to.
JOINED = "joined-by-review"
# The fields in which an answer can contradict what is known, in the order in which they are reported.
ANSWER_FIELDS = ("nhs_number", "birth_date", "sex", "name", "given")
AGREEING_NAMES = frozenset({"same", "nickname", "initial", "swapped"})


class Grade(StrEnum):
    """Source: FHIR match-grade, http://terminology.hl7.org/CodeSystem/match-grade."""

    CERTAIN = "certain"
    PROBABLE = "probable"
    CERTAINLY_NOT = "certainly-not"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`evidence`: one word per field (same, nickname, initial, swapped, differs, absent, placeholder). `vetoes` forbid
    a link."""

    grade: Grade
    rule: str
    evidence: tuple[tuple[str, str], ...]
    vetoes: tuple[str, ...] = ()


def compare(*, left: Demographics, right: Demographics) -> Verdict:
    """Return whether two sets of demographics are one person's. Symmetric.

    CERTAIN: the same valid NHS number, verified on both sides, the same whole birth date and the same first given name
    (or a short form or initial of it, or swapped with the surname), and no veto. A surname may differ: people marry.
    PROBABLE: enough agrees for a human to look. CERTAINLY_NOT: nothing to look at. A placeholder agrees with nothing:
    who is only "Baby Smith" may be anybody born that day.
    """
    evidence = _without_placeholders(_evidence(left=left, right=right), left=left, right=right)
    fields = dict(evidence)
    vetoes = _vetoes(left=left, right=right, fields=fields)
    names_agree = fields["given"] in AGREEING_NAMES
    if (
        not vetoes
        and fields["nhs_number"] == "same"
        and left.number_is_verified
        and right.number_is_verified
        and fields["birth_date"] == "same"
        and names_agree
    ):
        return Verdict(grade=Grade.CERTAIN, rule="verified-number-and-demographics", evidence=evidence)
    if fields["nhs_number"] == "same":
        return Verdict(grade=Grade.PROBABLE, rule="same-number", evidence=evidence, vetoes=vetoes)
    if "different-numbers" in vetoes:
        return Verdict(grade=Grade.CERTAINLY_NOT, rule="different-numbers", evidence=evidence, vetoes=vetoes)
    surname_or_home = fields["family"] == "same" or fields["postcode"] == "same"
    if fields["birth_date"] == "same" and names_agree and surname_or_home:
        return Verdict(grade=Grade.PROBABLE, rule="name-and-birth-date", evidence=evidence, vetoes=vetoes)
    return Verdict(grade=Grade.CERTAINLY_NOT, rule="too-little-agrees", evidence=evidence, vetoes=vetoes)


def answer_disagreements(*, asked: Demographics, answered: Demographics) -> tuple[str, ...]:
    """Return the fields in which a source's answer is about somebody else; empty when it is the person asked for.

    A different valid NHS number, a different whole birth date, a clash of sex, or a name of which neither part agrees,
    each is enough alone. Absent fields disagree with nothing.
    Source: GP Connect Access Record Structured, consumer guidance "verify demographics in the response".
    """
    left = with_name_read_like(demographics=asked, other=answered)
    return _disagreements(dict(_evidence(left=left, right=with_name_read_like(demographics=answered, other=asked))))


def speaks_against(*, left: Iterable[Demographics], right: Iterable[Demographics]) -> tuple[str, ...]:
    """Return the fields in which a record of one person contradicts a record of another, as an answer would."""
    others = tuple(right)
    wrong = {field for one in left for other in others for field in answer_disagreements(asked=one, answered=other)}
    return tuple(field for field in ANSWER_FIELDS if field in wrong)


def have_different_verified_numbers(*, left: Iterable[Demographics], right: Iterable[Demographics]) -> bool:
    """Return whether two people have verified NHS numbers of which none is the same: each is one person's alone."""
    ours, theirs = ({one.valid_number for one in side if one.number_is_verified} for side in (left, right))
    return bool(ours and theirs) and ours.isdisjoint(theirs)


def _disagreements(fields: Mapping[str, str], /) -> tuple[str, ...]:
    wrong: list[str] = []
    if fields["nhs_number"] == "differs":
        wrong.append("nhs_number")
    if fields["birth_date"] == "differs":
        wrong.append("birth_date")
    if fields["sex"] == "differs":
        wrong.append("sex")
    if fields["family"] == "differs" and fields["given"] == "differs":
        wrong.append("name")
    elif fields["given"] == "differs" and fields["nhs_number"] != "same":
        wrong.append("given")
    return tuple(wrong)


@dataclass(frozen=True, kw_only=True)
class KnownRecord:
    """A live linked record of the person asked for. `accepted` are the fields in which a human has accepted that the
    answer differs from it. `proves` is False for a record that is in doubt itself: it contradicts, and proves nothing.
    """

    demographics: Demographics
    accepted: frozenset[str] = frozenset()
    proves: bool = True


@dataclass(frozen=True, kw_only=True)
class AnswerVerdict:
    """`disagrees` names the fields in which an answer contradicts what is known. `proven`: strong evidence agrees."""

    disagrees: tuple[str, ...]
    proven: bool


def judge_answer(*, answered: Demographics, known: Sequence[KnownRecord]) -> AnswerVerdict:
    """Return whether an answer is the person's: it contradicts no known record, and shows that it is theirs.

    Shown by the valid NHS number, or by the whole birth date with a family or first name, as one known record has them.
    If nothing is known, nothing is proven.
    """
    wrong: set[str] = set()
    proven = False
    for record in dict.fromkeys(known):  # sources often hold the very same details
        read = with_name_read_like(demographics=answered, other=record.demographics)
        fields = dict(_evidence(left=record.demographics, right=read))
        wrong.update(set(_disagreements(fields)) - record.accepted)
        proven = proven or (record.proves and _proves(fields, known=record.demographics, answered=read))
    return AnswerVerdict(disagrees=tuple(field for field in ANSWER_FIELDS if field in wrong), proven=proven)


def _proves(fields: Mapping[str, str], /, *, known: Demographics, answered: Demographics) -> bool:
    """Return whether a known record, compared with an answer in `fields`, shows that the answer is its person's."""
    if fields["nhs_number"] == "same":
        return True
    if fields["birth_date"] != "same" or birth_date_is_placeholder(born=known.birth_date):
        return False
    return any(
        fields[name] in AGREEING_NAMES and not any(name_is_placeholder(text=getattr(side, name)) for side in sides)
        for name, sides in (("family", (known, answered)), ("given", (known, answered)))
    )


def _evidence(*, left: Demographics, right: Demographics) -> tuple[tuple[str, str], ...]:
    return (
        ("nhs_number", _number_evidence(left.valid_numbers, right.valid_numbers)),
        ("family", _same_or_differs(clean_name(text=left.family), clean_name(text=right.family))),
        ("given", _given_evidence(left=left, right=right)),
        ("birth_date", _birth_evidence(left=left, right=right)),
        ("sex", _same_or_differs(left.known_sex, right.known_sex)),
        ("postcode", _same_or_differs(clean_postcode(text=left.postcode), clean_postcode(text=right.postcode))),
    )


def _without_placeholders(
    evidence: tuple[tuple[str, str], ...], /, *, left: Demographics, right: Demographics
) -> tuple[tuple[str, str], ...]:
    """Return the evidence without what placeholders would agree or differ in."""
    sides = (left, right)
    said = {
        "family": any(name_is_placeholder(text=side.family) for side in sides),
        "given": any(name_is_placeholder(text=side.given) for side in sides),
        "birth_date": any(birth_date_is_placeholder(born=side.birth_date) for side in sides),
        "postcode": any(clean_postcode(text=side.postcode).startswith(PLACEHOLDER_POSTCODE) for side in sides),
    }
    return tuple((field, "placeholder" if said.get(field) and word != "absent" else word) for field, word in evidence)


def _same_or_differs(left: str, right: str) -> str:
    if not left or not right:
        return "absent"
    return "same" if left == right else "differs"


def _birth_evidence(*, left: Demographics, right: Demographics) -> str:
    """Compare at the precision that both have; partial dates can differ but are too little to be the same."""
    precision = min(len(left.born), len(right.born))
    if left.born[:precision] != right.born[:precision]:
        return "differs"
    return "same" if left.birth_date and right.birth_date else "absent"


def _number_evidence(left: frozenset[str], right: frozenset[str]) -> str:
    """Two current numbers on one side are a contradiction: one of them is somebody else's."""
    if not left or not right:
        return "absent"
    return "same" if left == right and len(left) == 1 else "differs"


def _given_evidence(*, left: Demographics, right: Demographics) -> str:
    left_given, right_given = first_given(text=left.given), first_given(text=right.given)
    if not left_given or not right_given:
        return "absent"
    if have_same_first_given(left=left.given, right=right.given):
        return "same"
    if is_short_for(left=left_given, right=right_given):
        return "nickname"
    if 1 in {len(left_given), len(right_given)} and left_given[0] == right_given[0]:
        return "initial"
    if left_given == clean_name(text=right.family) and right_given == clean_name(text=left.family):
        return "swapped"
    return "differs"


def _vetoes(*, left: Demographics, right: Demographics, fields: dict[str, str]) -> tuple[str, ...]:
    vetoes: list[str] = []
    if fields["nhs_number"] == "differs":
        vetoes.append("different-numbers")
    if fields["sex"] == "differs":
        vetoes.append("sex-clash")
    if any(name_is_placeholder(text=name) for name in (left.given, left.family, right.given, right.family)):
        vetoes.append("placeholder-name")
    if any(birth_date_is_placeholder(born=side.birth_date) for side in (left, right)):
        vetoes.append("placeholder-birth-date")
    return tuple(vetoes)
