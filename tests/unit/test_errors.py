"""The four families of error carry what each door needs: words for people, a code for machines, the input at fault."""

from __future__ import annotations

import pytest

from aggregator.errors import Invalid, LongviewError, NotFound, NotPermitted, Superseded, TooMany


@pytest.mark.parametrize("family", [NotPermitted, NotFound, Superseded, Invalid])
def test_an_error_keeps_its_words_and_its_code_and_is_not_yet_audited(family: type[LongviewError]) -> None:
    error = family("This is why.", code="a-case")
    assert (str(error), error.code, error.is_audited) == ("This is why.", "a-case", False)


def test_each_family_has_a_code_of_its_own_where_no_other_is_given() -> None:
    families = (NotPermitted, NotFound, Superseded, Invalid)
    assert [family("Why.").code for family in families] == ["not-permitted", "not-found", "superseded", "invalid"]


def test_an_input_that_cannot_be_understood_is_named() -> None:
    assert Invalid("This is no date.", field="birth_date").field == "birth_date"
    assert Invalid("This is no date.").field == ""


def test_what_was_too_much_says_when_again() -> None:
    error = TooMany("Later.", retry_after_s=7)
    assert isinstance(error, NotPermitted)
    assert (error.code, error.retry_after_s) == ("too-many", 7)
