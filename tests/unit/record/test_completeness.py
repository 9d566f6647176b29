"""What a record may claim, given who was asked and who answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from aggregator.record.completeness.claims import (
    WHOLE_ANSWERS,
    AllergyStatus,
    Emptiness,
    SourceStatus,
    allergy_status,
    emptiness_of,
    missing_for,
)
from aggregator.record.completeness.words import (
    Remark,
    empty_words,
    failure_words,
    in_brief,
    in_words,
    issue_code,
    outcome_words,
    progress_line,
    remarks_on,
    remarks_on_source,
    summary_line,
)
from aggregator.record.item import Item
from aggregator.record.merge import merge
from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Outcome, Reason
from tests.factories import allergy, concept, condition, item, no_known_allergy

ALLERGIES = RecordCategory.ALLERGIES
DENIED, HELD = item(resource=no_known_allergy()), item(resource=allergy())


def status(**values: Any) -> SourceStatus:
    return SourceStatus(
        **{
            "source_id": "practice",
            "name": "The Practice",
            "organisation": "The Practice",
            "kind": "gp_connect",
            "holds": frozenset({ALLERGIES, RecordCategory.PROBLEMS}),
            "outcome": Outcome.ANSWERED,
            **values,
        }
    )


def banner(*items: Item, statuses: list[SourceStatus], withheld: bool = False) -> AllergyStatus:
    return allergy_status(record=merge(items=items), statuses=statuses, withheld=withheld)


def test_a_reason_says_more_to_a_fhir_caller_than_its_outcome() -> None:
    own = [reason for reason in Reason if reason.issue_code != reason.outcome.issue_code]
    assert own
    for reason in own:
        assert issue_code(outcome=reason.outcome, reason=reason) == reason.issue_code
    assert issue_code(outcome=Outcome.TIMED_OUT, reason="") == "timeout"


# Every way in which an answer can fall short, and the whole one.
FAULTS: dict[str, dict[str, Any]] = {
    "whole": {},
    "set aside": {"quarantined": ((ALLERGIES, 1),)},
    "set aside, kind not known": {"quarantined": ((None, 1),)},
    "not translated": {"untranslated": ((ALLERGIES, 1),)},
    **{f"notice {code}": {"notices": (Notice(code=code),)} for code in NoticeCode if code.leaves_out},
    "a warning of an unknown kind": {
        "notices": (Notice(code=NoticeCode.RESOURCE_WARNING, text="look", category=ALLERGIES),)
    },
}


@pytest.mark.parametrize(("outcome", "fault", "withheld"), list(product([*Outcome, None], FAULTS, [False, True])))
def test_no_known_allergies_is_said_only_when_every_holder_gave_a_whole_answer(
    outcome: Outcome | None, fault: str, withheld: bool
) -> None:
    whole = status(source_id="hospital")
    tried = status(outcome=outcome, **FAULTS[fault])
    found = banner(DENIED, statuses=[whole, tried], withheld=withheld)
    may_be_claimed = outcome in WHOLE_ANSWERS and fault == "whole" and not withheld
    assert (found is AllergyStatus.NONE_KNOWN) == may_be_claimed
    if outcome not in WHOLE_ANSWERS:
        assert found is AllergyStatus.UNAVAILABLE


@pytest.mark.parametrize(("outcome", "fault", "withheld"), list(product([*Outcome, None], FAULTS, [False, True])))
def test_a_known_allergy_is_always_said(outcome: Outcome | None, fault: str, withheld: bool) -> None:
    found = banner(HELD, DENIED, statuses=[status(outcome=outcome, **FAULTS[fault])], withheld=withheld)
    assert found is AllergyStatus.KNOWN


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "whole"])
def test_anything_left_out_changes_the_banner(fault: str) -> None:
    whole = banner(DENIED, statuses=[status()])
    assert banner(DENIED, statuses=[status(**FAULTS[fault])]) is not whole


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("set aside", AllergyStatus.UNAVAILABLE),
        ("set aside, kind not known", AllergyStatus.UNAVAILABLE),
        ("not translated", AllergyStatus.UNAVAILABLE),
        ("notice information-not-available", AllergyStatus.UNAVAILABLE),
        ("notice confidential-items", AllergyStatus.UNAVAILABLE),
        ("a warning of an unknown kind", AllergyStatus.UNAVAILABLE),
    ],
)
def test_no_known_allergies_from_an_answer_in_part_reads_as_unavailable(fault: str, said: AllergyStatus) -> None:
    assert banner(DENIED, statuses=[status(**FAULTS[fault])]) is said


def test_nothing_recorded_is_never_none_known() -> None:
    assert banner(statuses=[status()]) is AllergyStatus.NOT_RECORDED
    assert banner(statuses=[status(outcome=Outcome.EMPTY)]) is AllergyStatus.NOT_RECORDED
    assert banner(statuses=[]) is AllergyStatus.UNAVAILABLE
    assert banner(DENIED, statuses=[]) is AllergyStatus.UNAVAILABLE


def test_a_source_that_cannot_hold_allergies_has_no_say_about_them() -> None:
    letters = status(holds=frozenset({RecordCategory.DOCUMENTS}), outcome=Outcome.TIMED_OUT)
    assert banner(DENIED, statuses=[status(), letters]) is AllergyStatus.NONE_KNOWN
    assert banner(DENIED, statuses=[letters]) is AllergyStatus.UNAVAILABLE


def test_a_fault_in_another_section_leaves_the_allergies_whole() -> None:
    other = {
        "quarantined": ((RecordCategory.PROBLEMS, 1),),
        "notices": (Notice(code=NoticeCode.INCOMPLETE, category=RecordCategory.PROBLEMS),),
    }
    assert banner(DENIED, statuses=[status(**other)]) is AllergyStatus.NONE_KNOWN


@pytest.mark.parametrize(
    "resource",
    [
        allergy(code="409137002"),
        no_known_allergy(clinicalStatus=concept(code="inactive")),
        no_known_allergy(verificationStatus=concept(code="refuted")),
        no_known_allergy(verificationStatus=concept(code="entered-in-error")),
        allergy(clinicalStatus=concept(code="resolved")),
        allergy(code="160245001", display="No current problems"),
    ],
)
def test_less_than_a_present_denial_of_all_allergies_is_not_none_known(resource: dict[str, Any]) -> None:
    assert banner(item(resource=resource), statuses=[status()]) is AllergyStatus.NOT_RECORDED


def test_a_denial_that_was_taken_back_under_its_name_is_not_none_known() -> None:
    name = [{"system": "https://records.example/id", "value": "7"}]
    denied = item(resource=no_known_allergy(identifier=name), source="hospital")
    gone = item(resource=no_known_allergy(identifier=name, verificationStatus=concept(code="entered-in-error")))
    assert banner(denied, statuses=[status()]) is AllergyStatus.NONE_KNOWN
    assert banner(denied, gone, statuses=[status()]) is AllergyStatus.NOT_RECORDED


def test_an_allergy_of_unknown_standing_is_an_allergy() -> None:
    assert banner(item(resource=allergy(clinicalStatus=None)), statuses=[status()]) is AllergyStatus.KNOWN


NOT_SERVED = Notice(code=NoticeCode.NOT_SERVED, category=ALLERGIES)


def test_a_source_lacks_only_the_kind_of_content_that_it_says_it_does_not_serve() -> None:
    other_kind = status(notices=(Notice(code=NoticeCode.NOT_SERVED, category=RecordCategory.PROBLEMS),))
    assert (other_kind.serves(ALLERGIES), other_kind.serves(RecordCategory.PROBLEMS)) == (True, False)
    other_notice = status(notices=(Notice(code=NoticeCode.CONFIDENTIAL_ITEMS, category=ALLERGIES),))
    assert other_notice.serves(ALLERGIES)


def test_a_holder_that_does_not_serve_allergies_is_no_ground_for_none_known() -> None:
    assert banner(DENIED, statuses=[status(), status(notices=(NOT_SERVED,))]) is AllergyStatus.UNAVAILABLE
    assert banner(statuses=[status(), status(notices=(NOT_SERVED,))]) is AllergyStatus.NOT_RECORDED


@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.TIMED_OUT])
def test_a_source_that_does_not_serve_allergies_is_no_ground_for_none_known_answering_or_not(
    outcome: Outcome,
) -> None:
    other = status(outcome=outcome, holds=frozenset({RecordCategory.PROBLEMS}), not_served=frozenset({ALLERGIES}))
    assert banner(DENIED, statuses=[status(), other]) is AllergyStatus.UNAVAILABLE
    assert banner(statuses=[status(), other]) is AllergyStatus.NOT_RECORDED
    assert banner(HELD, statuses=[status(), other]) is AllergyStatus.KNOWN


@pytest.mark.parametrize(
    ("notices", "said"),
    [
        ((), AllergyStatus.UNAVAILABLE),
        ((Notice(code=NoticeCode.INCOMPLETE),), AllergyStatus.UNAVAILABLE),
        ((Notice(code=NoticeCode.RESOURCE_WARNING, text="page 2 of 4"),), AllergyStatus.UNAVAILABLE),
        ((NOT_SERVED,), AllergyStatus.UNAVAILABLE),
        ((Notice(code=NoticeCode.INCOMPLETE, category=ALLERGIES),), AllergyStatus.UNAVAILABLE),
        (
            (Notice(code=NoticeCode.INCOMPLETE, category=RecordCategory.PROBLEMS), Notice(code=NoticeCode.INCOMPLETE)),
            AllergyStatus.UNAVAILABLE,
        ),
        ((Notice(code=NoticeCode.INCOMPLETE, category=RecordCategory.PROBLEMS),), AllergyStatus.UNAVAILABLE),
    ],
)
def test_an_answer_in_part_is_no_ground_for_none_known_wherever_its_gap_lies(
    notices: tuple[Notice, ...], said: AllergyStatus
) -> None:
    assert banner(DENIED, statuses=[status(outcome=Outcome.ANSWERED_IN_PART, notices=notices)]) is said


@pytest.mark.parametrize(
    "stated", [(DENIED,), (), (item(resource=allergy(verificationStatus=concept(code="refuted"))),)]
)
def test_where_something_is_withheld_only_what_may_be_seen_is_spoken_of(stated: tuple[Item, ...]) -> None:
    assert banner(*stated, statuses=[status()], withheld=True) is AllergyStatus.NONE_YOU_MAY_SEE
    assert banner(HELD, *stated, statuses=[status()], withheld=True) is AllergyStatus.KNOWN
    away = status(outcome=Outcome.TIMED_OUT)
    assert banner(*stated, statuses=[status(), away], withheld=True) is AllergyStatus.UNAVAILABLE


@pytest.mark.parametrize("words", ["No information about allergies", "Not asked", "unknown"])
def test_what_was_not_asked_is_no_allergy_and_no_denial(words: str) -> None:
    unasked = item(resource=allergy() | {"code": {"text": words}})
    assert banner(unasked, statuses=[status()]) is AllergyStatus.NOT_RECORDED
    assert banner(unasked, DENIED, statuses=[status()]) is AllergyStatus.NONE_KNOWN


# Sections without entries


LACKING = status(source_id="hospital", holds=frozenset({RecordCategory.DOCUMENTS}))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Allergy to penicillin", AllergyStatus.UNAVAILABLE),
        ("H/O: anaphylactic shock", AllergyStatus.UNAVAILABLE),
        ("Allergic reaction to bee sting", AllergyStatus.UNAVAILABLE),
        ("Intolerance to statins", AllergyStatus.UNAVAILABLE),
        ("Perennial allergic rhinitis", AllergyStatus.NONE_KNOWN),
        ("No known allergy to penicillin", AllergyStatus.NONE_KNOWN),
        ("Family history of allergy to penicillin", AllergyStatus.NONE_KNOWN),
        ("Asthma", AllergyStatus.NONE_KNOWN),
    ],
)
def test_an_allergy_that_is_filed_as_a_problem_forbids_to_say_that_none_is_known(
    words: str, said: AllergyStatus
) -> None:
    filed = condition() | {"code": {"text": words}}
    assert banner(DENIED, item(resource=filed), statuses=[status()]) is said
    refuted = filed | {"verificationStatus": concept(code="refuted", system="v")}
    assert banner(DENIED, item(resource=refuted), statuses=[status()]) is AllergyStatus.NONE_KNOWN
    # Nor is it said then that none is recorded, whatever may not be seen.
    unsaid = AllergyStatus.NOT_RECORDED if said is AllergyStatus.NONE_KNOWN else said
    assert banner(item(resource=filed), statuses=[status()]) is unsaid
    hidden = AllergyStatus.NONE_YOU_MAY_SEE if said is AllergyStatus.NONE_KNOWN else said
    assert banner(item(resource=filed), statuses=[status()], withheld=True) is hidden


def emptiness(
    *statuses: SourceStatus, complete: bool = True, withheld: bool = False, category: RecordCategory = ALLERGIES
) -> Emptiness:
    return emptiness_of(category=category, statuses=statuses, complete=complete, withheld=withheld)


@pytest.mark.parametrize(("outcome", "fault", "withheld"), list(product([*Outcome, None], FAULTS, [False, True])))
def test_a_section_is_said_to_hold_nothing_only_when_every_holder_gave_a_whole_answer(
    outcome: Outcome | None, fault: str, withheld: bool
) -> None:
    statuses = [status(source_id="hospital"), status(outcome=outcome, **FAULTS[fault]), LACKING]
    found = emptiness(*statuses, complete=outcome is not None, withheld=withheld)
    whole = outcome in WHOLE_ANSWERS and fault == "whole"
    assert (found is Emptiness.NONE_HELD) == (whole and not withheld)
    if outcome is None:
        assert found is Emptiness.WAITING
    elif not whole:
        assert found is Emptiness.INCOMPLETE
    elif withheld:
        assert found is Emptiness.NONE_YOU_MAY_SEE


@pytest.mark.parametrize(
    "missing",
    [
        {"notices": (Notice(code=NoticeCode.NOT_SUPPORTED, category=RecordCategory.RESULTS),)},
        {"quarantined": ((RecordCategory.RESULTS, 1),)},
        {"untranslated": ((RecordCategory.RESULTS, 1),)},
    ],
)
def test_what_did_not_come_through_is_missing_though_its_source_was_not_known_to_hold_it(
    missing: dict[str, Any],
) -> None:
    holder = status(source_id="hospital", holds=frozenset({RecordCategory.RESULTS}))
    assert emptiness(holder, status(**missing), category=RecordCategory.RESULTS) is Emptiness.INCOMPLETE
    assert emptiness(holder, status(), category=RecordCategory.RESULTS) is Emptiness.NONE_HELD


def test_a_section_that_nobody_could_have_fed_is_not_said_to_be_empty() -> None:
    unserved = status(notices=(NOT_SERVED,))
    assert emptiness() is Emptiness.NO_HOLDER
    assert emptiness(LACKING) is Emptiness.NO_HOLDER
    assert emptiness(unserved, LACKING) is Emptiness.NO_HOLDER
    assert emptiness(unserved, status(source_id="hospital")) is Emptiness.NONE_HELD


def test_only_one_of_its_sentences_says_that_there_is_nothing() -> None:
    assert {each: empty_words(emptiness=each, category=RecordCategory.CARE_PLANS) for each in Emptiness} == {
        Emptiness.WAITING: "Waiting for sources to answer.",
        Emptiness.INCOMPLETE: (
            "Nothing received. This does not mean that there is nothing: not every source has answered in full."
        ),
        Emptiness.NO_HOLDER: "No source that was asked provides care plans.",
        Emptiness.NONE_YOU_MAY_SEE: "There is nothing of this kind in what you may see.",
        Emptiness.NONE_HELD: "The sources that answered hold nothing of this kind.",
    }


# Words


def test_the_completeness_of_a_record_is_one_sentence() -> None:
    found = summary_line(
        statuses=[
            status(name="The Practice"),
            status(name="City Hospital", outcome=Outcome.EMPTY),
            status(name="The Royal", outcome=Outcome.TIMED_OUT),
            status(name="Community", outcome=None),
            status(name="Mental Health", outcome=None),
            status(name="Eye Clinic", outcome=Outcome.REFUSED, reason="patient-consent"),
        ]
    )
    assert found == (
        "2 of 6 sources have answered; waiting for Community and Mental Health; The Royal: did not answer in time; "
        "Eye Clinic: would not release a record: the patient has not agreed."
    )
    assert summary_line(statuses=[]) == "No source is known to hold a record of this patient that you may see."
    assert summary_line(statuses=[status()]) == "1 of 1 source has answered."


@pytest.mark.parametrize(
    ("outcome", "reason", "may"),
    [
        (None, "", False),
        (Outcome.ANSWERED, "", True),
        (Outcome.REFUSED, "patient-consent", True),
        (Outcome.FAILED, "overload", True),
        (Outcome.NOT_ASKED, "paused", False),
        (Outcome.NOT_ASKED, "no-link", False),
        (Outcome.NOT_ASKED, "resting", True),
        (Outcome.NOT_ASKED, "source-busy", True),
    ],
)
def test_a_source_is_offered_to_be_asked_again_where_that_may_change_something(
    outcome: Outcome | None, reason: str, may: bool
) -> None:
    assert status(outcome=outcome, reason=reason).may_change is may


HELD_AT = datetime(2026, 7, 1, 12, 5, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age_s", "age"),
    [(0, "less than a minute"), (59.9, "less than a minute"), (60, "1 minute"), (61, "2 minutes"), (240, "4 minutes")],
)
def test_an_answer_that_was_held_already_says_as_of_when_and_never_seems_younger_than_it_is(
    age_s: float, age: str
) -> None:
    kept = status(answered_at=HELD_AT, kept_for_s=age_s)
    assert in_words(status=kept) == (
        f"Answered; held answer, as of 01-Jul-2026 13:05, {age} before this record was opened"
    )
    empty = replace(kept, outcome=Outcome.EMPTY)
    assert in_words(status=empty).startswith("Answered: nothing of the kinds asked for; held answer, as of 01-Jul-2026")


def test_the_completeness_says_how_many_answers_were_held_already_and_how_old_the_oldest_is() -> None:
    kept = status(name="The Practice", answered_at=HELD_AT, kept_for_s=240.0)
    older = status(name="The Royal", answered_at=HELD_AT - timedelta(minutes=1), kept_for_s=300.0)
    assert summary_line(statuses=[kept, status()]) == (
        "2 of 2 sources have answered; 1 answer was held already, as of 01-Jul-2026 13:05."
    )
    assert summary_line(statuses=[kept, older, status(outcome=None)]).endswith(
        "; 2 answers were held already, the oldest as of 01-Jul-2026 13:04."
    )


def test_the_progress_is_one_short_sentence() -> None:
    assert progress_line(statuses=[status(outcome=None), status(), status(outcome=Outcome.TIMED_OUT)]) == (
        "1 of 3 sources have answered; waiting for 1 more."
    )
    assert progress_line(statuses=[status(), status(outcome=Outcome.FAILED)]) == "1 of 2 sources have answered."
    assert progress_line(statuses=[]) == summary_line(statuses=[])


def test_an_answer_in_part_is_not_summed_up_as_whole() -> None:
    partly = status(name="The Practice", notices=(Notice(code=NoticeCode.CONFIDENTIAL_ITEMS),))
    assert summary_line(statuses=[partly, status()]).endswith("The Practice: answered in part.")


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_words(outcome: Outcome) -> None:
    assert outcome_words(outcome=outcome, reason="")
    assert outcome_words(outcome=outcome, reason="never heard of") == outcome_words(outcome=outcome, reason="")


def test_an_answer_with_something_left_out_is_an_answer_in_part() -> None:
    assert in_words(status=status()) == "Answered"
    assert in_words(status=status(quarantined=((None, 1),))) == "Answered in part"
    assert in_words(status=status(notices=(Notice(code=NoticeCode.CONFIDENTIAL_ITEMS),))) == "Answered in part"
    assert in_words(status=status(outcome=None)) == "Asked, waiting"


def test_the_missing_of_a_section_are_those_who_can_hold_it() -> None:
    away = status(outcome=Outcome.UNREACHABLE)
    letters = status(outcome=Outcome.UNREACHABLE, holds=frozenset({RecordCategory.DOCUMENTS}))
    partly = status(quarantined=((ALLERGIES, 2),))
    assert missing_for(category=ALLERGIES, statuses=[status(), away, letters, partly]) == (away, partly)
    assert missing_for(category=RecordCategory.PROBLEMS, statuses=[status(), away, letters, partly]) == (away,)


def test_a_section_says_each_thing_once_and_by_whom_it_is_caused() -> None:
    statuses = [
        status(name="The Royal", outcome=Outcome.TIMED_OUT),
        status(
            notices=(
                Notice(code=NoticeCode.CONFIDENTIAL_ITEMS, category=ALLERGIES),
                Notice(code=NoticeCode.CONFIDENTIAL_ITEMS, category=ALLERGIES),
                Notice(code=NoticeCode.DATA_IN_TRANSIT, text="Their own words.", category=ALLERGIES),
                Notice(code=NoticeCode.INCOMPLETE),
            ),
            quarantined=((ALLERGIES, 1), (None, 1)),
            untranslated=((ALLERGIES, 2),),
        ),
    ]
    assert remarks_on(category=ALLERGIES, statuses=statuses) == (
        Remark(source_name="The Royal", words="Did not answer in time."),
        Remark(source_name="The Practice", words="Items excluded due to confidentiality and/or patient preferences."),
        Remark(source_name="The Practice", words="Their own words."),
        Remark(source_name="The Practice", words="1 item could not be shown."),
        Remark(source_name="The Practice", words="2 items were received but cannot be shown yet."),
    )


def test_of_many_and_long_things_that_a_source_says_the_page_has_the_first_and_says_so() -> None:
    said = [Notice(code=NoticeCode.REMARK, text=f"Remark {number}.", category=ALLERGIES) for number in range(50_000)]
    gap = Notice(code=NoticeCode.INCOMPLETE, text="Some are missing.", category=ALLERGIES)
    long = Notice(code=NoticeCode.REMARK, text="x" * 1_000_000)
    unserved = Notice(code=NoticeCode.NOT_SERVED, category=RecordCategory.PROBLEMS)
    brief = in_brief(status=status(notices=(*said, gap, long, unserved)))
    words = [remark.words for remark in remarks_on(category=ALLERGIES, statuses=[brief])]
    assert words[:2] == ["Some are missing.", "Remark 0."]
    assert words[-1] == "It says 49,981 more things, for which there is no room here."
    assert len(words) == 21
    of_source = remarks_on_source(status=brief)
    assert f"{'x' * 500}… (the first of 1,000,000 characters)" in of_source
    assert of_source[-1] == "Its system does not provide problems."
    few = status(notices=(gap, gap, unserved))
    assert in_brief(status=few) is few


def test_a_section_counts_what_was_set_aside_of_its_own_and_not_of_another() -> None:
    statuses = [status(quarantined=((ALLERGIES, 2), (RecordCategory.PROBLEMS, 1), (None, 4)))]
    assert [remark.words for remark in remarks_on(category=ALLERGIES, statuses=statuses)] == [
        "2 items could not be shown."
    ]
    assert remarks_on(category=RecordCategory.RESULTS, statuses=statuses) == ()


def test_a_source_says_that_its_system_does_not_provide_some_content_whose_kind_is_not_known() -> None:
    unnamed = status(notices=(Notice(code=NoticeCode.NOT_SERVED),))
    assert remarks_on_source(status=unnamed) == ("Its system does not provide some content.",)


def test_a_source_says_in_words_what_its_system_does_not_provide() -> None:
    unserved = [RecordCategory.REFERRALS, RecordCategory.CARE_PLANS, RecordCategory.ALLERGIES]
    notices = tuple(Notice(code=NoticeCode.NOT_SERVED, category=category) for category in unserved)
    assert remarks_on_source(status=status(notices=notices)) == (
        "Its system does not provide allergies, care plans or referrals.",
    )
    assert remarks_on_source(status=status(notices=notices[:1])) == ("Its system does not provide referrals.",)
    assert remarks_on(category=RecordCategory.REFERRALS, statuses=[status(notices=notices)]) == ()


def test_a_source_says_all_that_must_be_known_of_its_answer() -> None:
    assert remarks_on_source(
        status=status(
            notices=(Notice(code=NoticeCode.INCOMPLETE), Notice(code=NoticeCode.RESOURCE_WARNING)),
            quarantined=((ALLERGIES, 2), (None, 1)),
            untranslated=((RecordCategory.DOCUMENTS, 1),),
        )
    ) == (
        "Part of this source's answer is missing.",
        "This source says that its answer may not be whole.",
        "2 items under Allergies and adverse reactions could not be shown.",
        "1 item could not be shown.",
        "1 item under Documents was received but cannot be shown yet.",
    )


def test_a_failure_is_put_into_words_also_where_a_newer_worker_names_it() -> None:
    assert failure_words("timed-out") == "Did not answer in time"
    assert failure_words("gateway").startswith("Could not be reached: ")
    assert failure_words("tired") == "A fault that this version has no words for"


REMARK = Notice(code=NoticeCode.REMARK, text="Search took 12 ms.")


def test_a_remark_of_a_source_is_shown_and_casts_no_doubt() -> None:
    remarked = status(notices=(REMARK, replace(REMARK, category=ALLERGIES)))
    assert remarks_on_source(status=remarked) == ("Search took 12 ms.",)
    assert banner(DENIED, statuses=[remarked]) is AllergyStatus.NONE_KNOWN
    assert not remarked.lacks(ALLERGIES)
    assert not remarked.answered_in_part
    # Beside an answer in part it does not say where the gap is.
    partly = status(outcome=Outcome.ANSWERED_IN_PART, notices=(replace(REMARK, category=RecordCategory.PROBLEMS),))
    assert partly.lacks(ALLERGIES)
