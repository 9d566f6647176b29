"""How a request to a source can end, and why: each outcome and reason with its words, its FHIR issue code and what it
means for the sections of a record. Pure.

The table in `docs/outcomes.md` says the same; a test compares the two.
"""

from __future__ import annotations

from enum import StrEnum


class SectionEffect(StrEnum):
    """What a section may claim about a source that ended like this.

    WHOLE: everything that the source holds for the section is there. PART: something came, and something may be
    missing. MISSING: nothing came, which does not mean that there is nothing.
    """

    WHOLE = "whole"
    PART = "part"
    MISSING = "missing"


class Outcome(StrEnum):
    """How one source ended. Every source in a plan ends with exactly one outcome.

    `words` are for people. `issue_code` is the code that tells a FHIR caller
    (http://hl7.org/fhir/issue-type, R4).
    """

    words: str
    issue_code: str
    effect: SectionEffect

    def __new__(
        cls, value: str, words: str = "", issue_code: str = "", effect: SectionEffect = SectionEffect.MISSING
    ) -> Outcome:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words, member.issue_code, member.effect = words, issue_code, effect
        return member

    ANSWERED = "answered", "Answered", "informational", SectionEffect.WHOLE
    ANSWERED_IN_PART = "answered-in-part", "Answered in part", "incomplete", SectionEffect.PART
    EMPTY = "empty", "Answered: nothing of the kinds asked for", "informational", SectionEffect.WHOLE
    UNKNOWN_PATIENT = "unknown-patient", "Does not know this patient", "not-found", SectionEffect.MISSING
    REFUSED = "refused", "Would not release a record", "forbidden", SectionEffect.MISSING
    TIMED_OUT = "timed-out", "Did not answer in time", "timeout", SectionEffect.MISSING
    UNREACHABLE = "unreachable", "Could not be reached", "transient", SectionEffect.MISSING
    MALFORMED = "malformed", "Answer could not be used", "structure", SectionEffect.MISSING
    FAILED = "failed", "Fault on our side", "exception", SectionEffect.MISSING
    NOT_ASKED = "not-asked", "Not asked", "incomplete", SectionEffect.MISSING

    @property
    def is_answer(self) -> bool:
        """Whether an answer came that is held and can be shown, even if it is empty."""
        return self.effect is not SectionEffect.MISSING


class Reason(StrEnum):
    """Why a source ended as it did. Each reason belongs to one outcome; an outcome may come without a reason."""

    outcome: Outcome
    words: str
    issue_code: str

    def __new__(cls, value: str, outcome: Outcome, words: str, issue_code: str = "") -> Reason:
        member = str.__new__(cls, value)
        member._value_ = value
        member.outcome, member.words, member.issue_code = outcome, words, issue_code or outcome.issue_code
        return member

    PAGES = "pages", Outcome.ANSWERED_IN_PART, "not all of its pages came"
    SEARCHES = "searches", Outcome.ANSWERED_IN_PART, "not all of its kinds of content could be read"
    IDENTIFIER = (
        "identifier",
        Outcome.ANSWERED_IN_PART,
        "it holds the patient more than once and did not answer for each",
    )

    NOT_RELEASED = "not-released", Outcome.REFUSED, "the practice did not release a record"
    PATIENT_CONSENT = "patient-consent", Outcome.REFUSED, "the patient has not agreed"
    ORGANISATION_CONSENT = "organisation-consent", Outcome.REFUSED, "the organisation has not agreed"
    RELATIONSHIP = "relationship", Outcome.REFUSED, "it knows of no relationship with this patient"
    CREDENTIALS = "credentials", Outcome.REFUSED, "it did not accept our credentials"
    CONFIDENTIAL = "confidential", Outcome.REFUSED, "it is marked as confidential"
    NO_DOCUMENT = "no-document", Outcome.REFUSED, "it no longer has the document, or does not give it"

    CONNECTION = "connection", Outcome.UNREACHABLE, "there was no connection"
    TLS = "tls", Outcome.UNREACHABLE, "its certificate or encryption was not accepted"
    STATUS = "status", Outcome.UNREACHABLE, "it reported a fault"
    ASKED_TO_WAIT = "asked-to-wait", Outcome.UNREACHABLE, "it asked us to come back later", "throttled"
    GATEWAY = "gateway", Outcome.UNREACHABLE, "the way to it failed"
    ADDRESS = "address", Outcome.UNREACHABLE, "it is not in a network that may be asked"
    NO_FHIR_SERVER = "no-fhir-server", Outcome.UNREACHABLE, "there is no FHIR server at its address"

    TOO_LARGE = "too-large", Outcome.MALFORMED, "it was too large"
    TOO_DEEP = "too-deep", Outcome.MALFORMED, "it was nested too deeply"
    TRUNCATED = "truncated", Outcome.MALFORMED, "it was cut short"
    ENCODING = "encoding", Outcome.MALFORMED, "it was packed in a way that nobody asked for"
    BAD_HTTP = "bad-http", Outcome.MALFORMED, "it was not sent properly"
    REDIRECT = "redirect", Outcome.MALFORMED, "it pointed elsewhere"
    PAGING = "paging", Outcome.MALFORMED, "its pages did not fit together"
    NOT_FHIR = "not-fhir", Outcome.MALFORMED, "it was not in a form that can be read"
    NO_PATIENT = "no-patient", Outcome.MALFORMED, "it did not say whose record it is"
    WRONG_PATIENT = "wrong-patient", Outcome.MALFORMED, "it was about somebody else; this has been raised for review"
    UNPROVEN = "unproven", Outcome.MALFORMED, "it did not say enough to show that it is this patient's"
    AMBIGUOUS = "ambiguous", Outcome.MALFORMED, "it gave several patients under one identifier"
    TOKEN = "token", Outcome.MALFORMED, "it did not give a token that can be used"
    SPEAKS_STU3 = "speaks-stu3", Outcome.MALFORMED, "it speaks FHIR STU3, and is registered as one that speaks R4"
    SPEAKS_R5 = "speaks-r5", Outcome.MALFORMED, "it speaks FHIR R5, and is registered as one that speaks R4"
    OTHER_RELEASE = "other-release", Outcome.MALFORMED, "it speaks a version of FHIR other than R4"
    REQUEST_REJECTED = "request-rejected", Outcome.MALFORMED, "it did not accept the question"
    NUMBER_REJECTED = "number-rejected", Outcome.MALFORMED, "it did not accept the NHS number"
    DEMOGRAPHICS_REJECTED = "demographics-rejected", Outcome.MALFORMED, "it did not accept the patient's details"

    QUEUE = "queue", Outcome.FAILED, "the request could not be started"
    NOT_STARTED = "not-started", Outcome.FAILED, "we did not get round to asking it"
    OVERLOAD = "overload", Outcome.FAILED, "we were too busy to ask it, or to read its answer, in time"
    NO_CREDENTIALS = "no-credentials", Outcome.FAILED, "our own credentials for it are missing or cannot be used"
    STORE = "store", Outcome.FAILED, "the answer could not be kept"
    NOT_RECORDED = "not-recorded", Outcome.FAILED, "it answered, and the answer could not be recorded; ask again"
    HELD_ANSWER_LOST = "held-answer-lost", Outcome.FAILED, "the answer is no longer held; ask again"
    OUR_FAULT = "our-fault", Outcome.FAILED, "the answer could not be handled"

    NO_LINK = "no-link", Outcome.NOT_ASKED, "it is not linked to this patient"
    IDENTITY_IN_DOUBT = (
        "identity-in-doubt",
        Outcome.NOT_ASKED,
        "what it says of who this patient is has changed; this waits for review",
    )
    NOTHING_SEARCHABLE = "nothing-searchable", Outcome.NOT_ASKED, "it offers no way to ask for a record"
    ELSEWHERE = "elsewhere", Outcome.NOT_ASKED, "the document is kept at an address that is not asked"
    RESTING = "resting", Outcome.NOT_ASKED, "it has failed again and again, and is left alone", "transient"
    SOURCE_BUSY = (
        "source-busy",
        Outcome.NOT_ASKED,
        "it was still busy with our other requests",
        "throttled",
    )
    NO_USER = "no-user", Outcome.NOT_ASKED, "it answers only to a named person, and a system is asking"
    PAUSED = "paused", Outcome.NOT_ASKED, "it is paused"
    MAY_NOT = "may-not", Outcome.NOT_ASKED, "it could not be asked for you when the record was opened", "suppressed"


def reason_of(text: str, /) -> Reason | None:
    """Return a stored reason, None for "" and for one that this version does not know."""
    return _REASONS.get(text)


_REASONS = {str(reason): reason for reason in Reason}
