"""The points of GP Connect with what looks at each, in the order in which they are looked at."""

from __future__ import annotations

from connectors.contract.conformance import Conformance
from connectors.examining import Check, Checks
from connectors.gp_connect.conformance import looks, points
from connectors.gp_connect.conformance.practice import Practice

CONFORMANCE: Conformance = Checks(
    Check(point=points.CAPABILITY_STATEMENT, look=looks.has_statement),
    Check(point=points.TLS, look=looks.is_encrypted),
    Check(point=points.RELEASE, look=looks.speaks_stu3),
    Check(point=points.OPERATION, look=looks.declares_operation),
    Check(point=points.GZIP, look=looks.packs),
    Check(point=points.TOKEN_REQUIRED, look=looks.needs_token),
    Check(point=points.TOKEN_EXPIRED, look=looks.needs_token_in_force),
    Check(point=points.SSP_HEADERS, look=looks.needs_headers),
    Check(point=points.INTERACTION, look=looks.needs_interaction),
    Check(point=points.INVALID_NHS_NUMBER, look=looks.refuses_wrong_number),
    Check(point=points.IDENTIFIER_SYSTEM, look=looks.refuses_other_system),
    Check(point=points.MISSING_NUMBER, look=looks.refuses_nobody),
    Check(point=points.PATIENT_NOT_FOUND, look=looks.does_not_find_nobody),
    Check(point=points.MISSING_PART, look=looks.needs_part),
    Check(point=points.BOTH_PARTS, look=looks.refuses_both_parts),
    Check(point=points.RECORD_WITHHELD, look=looks.withholds),
    Check(point=points.RECORD, look=looks.gives_record),
    Check(point=points.CONTENT_TYPE, look=looks.says_fhir_json),
    Check(point=points.NO_STORE, look=looks.forbids_copies),
    Check(point=points.TRACE_ID, look=looks.repeats_trace_id),
    Check(point=points.PATIENT, look=looks.is_about_patient),
    Check(point=points.AREAS, look=looks.answers_areas),
    Check(point=points.LISTS_IN_FORCE, look=looks.lists_in_force),
    Check(point=points.EMPTY_LISTS, look=looks.says_that_lists_are_empty),
    Check(point=points.UNKNOWN_PARAMETER, look=looks.says_what_it_does_not_know),
    Check(point=points.WHOSE, look=looks.is_about_nobody_else),
    Check(point=points.IDENTIFIERS, look=looks.names_entries),
    Check(point=points.ENTRIES, look=looks.gives_sound_entries),
    begin=Practice.begin,
)
