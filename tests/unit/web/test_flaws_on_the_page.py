"""The mark on what is not as the standard says, and what each source says of the patient."""

from __future__ import annotations

import re
from dataclasses import replace

from aggregator.record.patient_details import PatientDetails, PatientLabel
from aggregator.web.record.entry import entry_page
from aggregator.web.record.page import record_page
from aggregator.web.record.rows import FLAWS_SHOWN
from fhir_data.flaws import Flaw, FlawReason
from tests.factories import condition, item
from tests.unit.web.showings import drawn, showing

DATE = Flaw(path="onsetDateTime", reason=FlawReason.NOT_A_DATE)
STATUS = Flaw(path="status", reason=FlawReason.NOT_A_CODE)


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_a_row_and_the_source_s_copy_say_what_is_not_as_the_standard_says() -> None:
    flawed = item(
        resource=condition(onsetDateTime="yesterday"), source="hospital", flaws=(DATE,), at_fault=(DATE.path,)
    )
    view = showing(flawed)
    page = record_page(view=view)
    (row,) = [row for section in page.sections for row in section.rows]
    assert row.date == "yesterday"
    words = "onsetDateTime (not a date or time)"
    assert f"Not as the standard says: {words}" in plain(drawn("record_part", page))
    copy_page = entry_page(view=view, entry_key=row.key)
    assert copy_page is not None
    assert [copy.flaws for copy in copy_page.copies] == [(words,)]
    assert words in plain(drawn("entry", copy_page))


def test_what_has_no_flaw_has_no_mark() -> None:
    page = record_page(view=showing(item(resource=condition(), source="hospital")))
    assert "Not as the standard says" not in drawn("record_part", page)


def test_only_the_first_of_many_flaws_stand_on_a_row() -> None:
    flaws = tuple(Flaw(path=f"note.{name}", reason=FlawReason.WRONG_TYPE) for name in "abcdefgh")
    page = record_page(view=showing(item(resource=condition(), source="hospital", flaws=flaws)))
    (row,) = [row for section in page.sections for row in section.rows]
    assert (len(row.flaws), row.more_flaws) == (FLAWS_SHOWN, len(flaws) - FLAWS_SHOWN)
    assert f"and {row.more_flaws} more" in plain(drawn("record_part", page))


def test_the_standing_of_what_has_a_flaw_in_it_is_always_told() -> None:
    done = {
        "resourceType": "Procedure",
        "status": "Entered-In-Error",
        "code": {"text": "Biopsy"},
        "subject": {"reference": "Patient/1"},
    }
    page = record_page(view=showing(item(resource=done, source="hospital", flaws=(STATUS,), at_fault=("status",))))
    (row,) = [row for section in page.sections for row in section.rows]
    assert (row.tag, row.may_be_retracted) == ("Status not known", True)


def test_the_page_tells_what_each_source_says_of_the_patient_and_what_it_leaves_out() -> None:
    open_details = PatientDetails(source_id="hospital", lines=((PatientLabel.LANGUAGE, "French"),))
    closed = PatientDetails(source_id="practice", lines=(), is_restricted=True)
    view = replace(showing(), patient_details=(open_details, closed))
    text = plain(drawn("record_part", record_page(view=view)))
    assert "What each source says of the patient Hospital Language French" in text
    assert "Practice Where the patient lives and how to reach them is not shown" in text
    assert "free text are shown as they came, and may tell it" in text
    assert "What each source says" not in plain(drawn("record_part", record_page(view=showing())))
