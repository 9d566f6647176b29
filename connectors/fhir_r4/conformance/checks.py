"""The points of a FHIR R4 server with what looks at each, in the order in which they are looked at."""

from __future__ import annotations

from connectors.contract.conformance import Conformance
from connectors.examining import Check, Checks
from connectors.fhir_r4.conformance import points, record, server
from connectors.fhir_r4.conformance.talk import Talk

CONFORMANCE: Conformance = Checks(
    Check(point=points.CAPABILITY_STATEMENT, look=server.has_statement),
    Check(point=points.TLS, look=server.is_encrypted),
    Check(point=points.RELEASE, look=server.speaks_r4),
    Check(point=points.FORMAT, look=server.names_json),
    Check(point=points.ACCEPT, look=server.negotiates),
    Check(point=points.GZIP, look=server.packs),
    Check(point=points.TOKEN_REQUIRED, look=server.lets_nobody_in),
    Check(point=points.SMART_CONFIGURATION, look=server.has_configuration),
    Check(point=points.SMART_BACKEND, look=server.signs_for_itself),
    Check(point=points.TOKEN_SCOPE, look=server.says_scope),
    Check(point=points.SEARCH_NOBODY, look=server.finds_nobody),
    Check(point=points.SEARCH_BY_POST, look=server.finds_nobody_by_post),
    Check(point=points.SELF_LINK, look=server.links_to_itself),
    Check(point=points.CLINICAL_TYPES, look=server.declares_clinical_types),
    Check(point=points.DECLARED_SEARCHES, look=server.does_what_it_declares),
    Check(point=points.UNDECLARED_TYPE, look=server.refuses_undeclared),
    Check(point=points.UNKNOWN_TYPE, look=server.refuses_unknown_type),
    Check(point=points.UNKNOWN_ID, look=server.refuses_unknown_id),
    Check(point=points.BAD_VALUE, look=server.refuses_bad_value),
    Check(point=points.STRICT_HANDLING, look=server.is_strict),
    Check(point=points.ERRORS_SAY_WHY, look=server.says_why),
    Check(point=points.FINDS_PATIENT, look=record.finds_patient),
    Check(point=points.READ_ID, look=record.reads_patient),
    Check(point=points.VERSION, look=record.says_version),
    Check(point=points.NHS_NUMBER_SYSTEM, look=record.names_nhs_number),
    Check(point=points.NHS_NUMBER_DIGITS, look=record.has_check_digit),
    Check(point=points.NHS_NUMBER_STATUS, look=record.says_nhs_number_status),
    Check(point=points.BY_PATIENT, look=record.searches_by_patient),
    Check(point=points.COUNT, look=record.keeps_to_count),
    Check(point=points.PAGING, look=record.pages_on),
    Check(point=points.PAGES_WITHIN_BASE, look=record.pages_within_base),
    Check(point=points.TOTAL, look=record.counts_right),
    Check(point=points.DECLARED_EVERYTHING, look=record.gives_everything),
    Check(point=points.PROVENANCE, look=record.gives_provenance),
    Check(point=points.ENTRIES, look=record.gives_sound_entries),
    Check(point=points.CONTENT_TYPE, look=server.says_fhir_json),
    begin=Talk.begin,
)
