"""What the README promises to list, it lists; and every field of every table is classed."""

from __future__ import annotations

import re
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.management import find_commands, get_commands

from config.env import Environment
from connectors.contract.notices import NoticeCode
from connectors.contract.outcomes import Outcome, Reason

PROJECT = Path(__file__).resolve().parents[2]
README = (PROJECT / "README.md").read_text()

# Every field of ours that says who somebody is, or something of their health. All others say neither.
IDENTIFYING = {
    "accounts.User": {"username", "family", "given", "prefix", "sds_user_id", "password", "email"},
    "accounts.FormerName": {"family", "given", "prefix", "reason"},
    "accounts.Membership": {"sds_role_profile_id"},
    "accounts.AccessEnd": {"reason"},
    "changes.ProposedChange": {"terms", "reason"},
    "changes.ChangeDecision": {"reason"},
    "consent.Policy": {"note", "sent", "written"},
    "mpi.Person": {
        "nhs_number",
        "unusable_number",
        "family",
        "given",
        "birth_date",
        "sex",
        "postcode",
        "address_line",
        "phone",
        "deceased",
        "death_date",
        "is_whereabouts_restricted",
    },
    "mpi.LinkReview": {"proposed"},
    "mpi.LinkDecision": {"note", "record_before", "record_after"},
    "mpi.SourceRecord": {
        "identifier_value",
        "nhs_number_sent",
        "nhs_number",
        "family",
        "given",
        "family_clean",
        "given_clean",
        "birth_date",
        "sex",
        "postcode",
        "address_line",
        "phone",
        "deceased",
        "death_date",
        "restricted",
        "answer_restricts",
        "first_said",
    },
    "federation.Retrieval": {"asker"},
    # What a source writes of itself, or somebody of a source, may name anybody.
    "health.SourceHealth": {"report_message"},
    "health.SourceReport": {"message"},
    "health.SourcePause": {"reason"},
    "relationships.Relationship": {"reason"},
    "break_glass.BreakGlass": {"note"},
    "break_glass.BreakGlassReview": {"note"},
    "break_glass.UserJoin": {"note"},
}
CLINICAL: dict[str, set[str]] = {}  # nothing clinical stands in a table
NEITHER = {
    "accounts.Organisation": {"id", "ods_code", "name"},
    "accounts.FormerName": {"id", "user", "changed_by", "changed_at"},
    "accounts.User": {"id", "last_login", "is_active", "session_keys"},
    "accounts.Membership": {"id", "user", "organisation", "role", "from_at", "added_at", "added_by"},
    "accounts.AccessEnd": {"id", "kind", "of_id", "ends_at", "recorded_at", "recorded_by"},
    # `key_set` are public keys; `name` is that of a system.
    "accounts.Client": {
        *("id", "oauth_id", "name", "organisation", "key_set", "key_set_url", "scopes"),
        *("registered_at", "registered_by"),
    },
    "alerts.Alert": {"id", "kind", "organisation", "subject_id", "occasion", "created_at"},
    "alerts.AlertDelivery": {
        *("id", "alert", "medium", "recipient_id", "state", "attempts", "next_at", "claim", "fault", "ended_at"),
    },
    # `name` is that of a system.
    "alerts.Webhook": {
        *("id", "name", "organisation", "url", "kinds", "sealed_secret", "registered_at", "registered_by"),
    },
    "audit.AuditEvent": {
        *("seq", "at", "writer", "n", "body", "mac", "action", "outcome", "user_id", "client_id", "organisation_ods"),
        *("role", "purpose", "person_id", "source_id", "retrieval_id", "entry", "detail"),
    },
    "changes.ProposedChange": {
        *("id", "kind", "organisation", "user_id", "proposed_by", "proposed_at", "expires_at"),
    },
    "changes.ChangeDecision": {"change", "is_confirmed", "made_id", "decided_by", "decided_at"},
    "consent.Policy": {"id", "person", "base", "recorded_by", "recorded_at", "replaces_id", "load_id"},
    "federation.Retrieval": {
        *("id", "person", "user_id", "asker_id", "organisation_ods", "role", "purpose", "categories", "state"),
        *("created_at", "started_at", "deadline_at", "expires_at", "wrapped_key"),
    },
    "federation.SourceOutcome": {
        *("id", "retrieval", "source", "joins", "flight_key", "deadline_at", "asked_at", "outcome", "reason"),
        *("asked_under", "is_whole", "since_at", "item_count", "by_identifier", "ended_at"),
    },
    "health.SourceHealth": {
        *("source", "condition", "reasons", "since", "told", "next_check_at", "recent_checks", "checked_at"),
        *("check_outcome", "check_reason", "check_took_ms", "checked_well_at", "report_statuses", "reported_at"),
        *("report_interval_s", "report_counters", "reports_in_time", "success", "p50_ms", "p95_ms", "breaker"),
        *("failure", "failed_at", "anew_at", "held_back_at"),
    },
    "health.SourceConditionChange": {"id", "source", "condition", "reasons", "at"},
    "health.SourceCheck": {"id", "source", "outcome", "reason", "took_ms", "at"},
    "health.SourceReport": {"id", "source", "status", "at"},
    "health.SourcePause": {"id", "source", "is_resumed", "by", "at"},
    "health.ReportToken": {"id", "source", "token_hash", "made_at", "made_by"},
    # `settings` are those of a source, which name its secrets and hold none.
    "health.SourceTrial": {
        *("id", "source", "settings", "replaces", "asked_by", "asker_organisation", "asked_at", "steps", "is_good"),
        *("description", "holds", "ended_at"),
    },
    "mpi.Person": {"id", "created_at", "nhs_number_is_verified", "joined_to"},
    "mpi.SourceRecord": {"id", "source", "nhs_number_status", "updated_at"},
    "mpi.Link": {
        *("id", "source_record", "person", "grade", "rule", "rules_version", "evidence"),
        *("decided_by", "decided_at", "ended_at"),
    },
    "mpi.LinkReview": {"id", "source_record", "person", "reason", "evidence", "raised_at", "settled_at"},
    "mpi.LinkDecision": {
        *("id", "review", "decision", "fields", "decided_by", "decided_at", "ended_by", "ended_at"),
        *("link_ended", "link_made", "person_joined", "person_kept", "settled_with"),
    },
    "mpi.LinkMove": {"id", "decision", "link_ended", "link_made"},
    "relationships.CareRelation": {
        *("id", "person", "organisation", "user", "kind", "from_date", "until_date", "expires_at", "ended_at"),
    },
    "break_glass.BreakGlass": {
        *("id", "user", "membership", "organisation", "person", "reason", "opened_at", "expires_at"),
    },
    "break_glass.BreakGlassReview": {"id", "kind", "of_id", "verdict", "reviewed_by", "reviewed_at"},
    "break_glass.UserJoin": {"id", "user", "person", "joined_by", "joined_at"},
    "relationships.CareTeam": {"id", "organisation", "name", "recorded_at", "recorded_by"},
    "relationships.CareTeamPatient": {
        *("id", "team", "person", "from_date", "until_date", "recorded_at", "recorded_by"),
    },
    "relationships.LastDay": {"id", "relationship", "until_date", "recorded_at"},
    "relationships.CareTeamPlace": {"id", "team", "user", "from_date", "until_date", "recorded_at", "recorded_by"},
    "relationships.Relationship": {
        *("id", "source_record", "person", "organisation", "user", "kind", "from_date", "until_date"),
        *("expires_at", "recorded_at", "recorded_by"),
    },
    "sources.Source": {
        *("id", "slug", "name", "organisation", "kind", "base_url", "identifier_system", "options"),
        *("holds", "discloses", "time_limit_s", "requests_per_minute", "rank", "enabled", "created_at"),
        *("freshness_s", "revision"),
    },
}


def test_every_field_of_ours_is_classed_once() -> None:
    ours = [model for model in apps.get_models() if model.__module__.startswith("aggregator.")]
    for model in ours:
        name = model._meta.label
        classed = [kind.get(name, set()) for kind in (IDENTIFYING, CLINICAL, NEITHER)]
        fields = {field.name for field in model._meta.get_fields() if field.concrete}
        assert fields == set().union(*classed), name
        assert sum(len(one) for one in classed) == len(fields), name


def test_the_readme_lists_every_setting() -> None:
    listed = set(re.findall(r"`([A-Z][A-Z_]+)`", README))
    assert {name.upper() for name in Environment.model_fields} <= listed


def test_the_readme_lists_every_connector_and_links_its_readme() -> None:
    for kind in settings.CONNECTORS:
        assert f"| `{kind}` |" in README
        assert (PROJECT / "connectors" / kind / "README.md").exists()


def test_every_command_that_a_document_names_exists() -> None:
    documents = [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md"), *(PROJECT / "connectors").rglob("*.md")]
    named = {command for path in documents for command in re.findall(r"manage\.py ([a-z_]+)", path.read_text())}
    assert {"convert_record", "load_identities"} <= named
    # Local settings alone know the launcher's.
    assert named <= {*get_commands(), *find_commands(str(PROJECT / "launcher" / "management"))}


def test_every_link_between_documents_leads_somewhere() -> None:
    pages = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", PROJECT / "simulator" / "README.md"]
    for path in [*pages, *(PROJECT / "docs").rglob("*.md"), *(PROJECT / "connectors").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def modules_named(name: str) -> list[Path]:
    """Return the modules of ours whose path ends as a document names them, such as `mpi/queries`."""
    folders = ("aggregator", "config", "connectors", "fhir_data", "launcher", "simulator")
    paths = [path for folder in folders for path in (PROJECT / folder).rglob("*.py")]
    return [path for path in paths if f"/{path.relative_to(PROJECT).with_suffix('')}".endswith(f"/{name}")]


def test_every_file_and_function_that_the_architecture_names_exists() -> None:
    page = (PROJECT / "docs" / "architecture.md").read_text()
    names = re.findall(r"`([\w/.]+)`", page)
    files = [name.removesuffix(".py") for name in names if name.endswith(".py")]
    folders = [name for name in names if name.endswith("/") and not name.startswith("/")]  # those are addresses
    functions = re.findall(r"`([\w/]+)\.([a-z]\w+)`", re.sub(r"`[^`]+\.(py|toml|md)`", "", page))
    assert len(files) > 30
    assert len(folders) > 15
    assert len(functions) > 10
    assert [name for name in files if not modules_named(name)] == []
    rooms = [path for path in (PROJECT / "aggregator").iterdir() if path.is_dir()]
    roots = [PROJECT, PROJECT / "aggregator", PROJECT / "connectors", *rooms]
    assert [name for name in folders if not any((root / name).is_dir() for root in roots)] == []
    for module, function in functions:
        found = modules_named(module)
        if "/" not in module and not found:
            continue  # an object's method, or a library
        is_module = any((root / module / f"{function}.py").exists() for root in roots)
        assert is_module or any(f"def {function}(" in path.read_text() for path in found), f"{module}.{function}"


def rows_of_outcomes(*, cells: int) -> set[tuple[str, ...]]:
    """Return the rows of so many cells in the tables of docs/outcomes.md."""
    lines = (PROJECT / "docs" / "outcomes.md").read_text().splitlines()
    rows = {tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if line.startswith("| ")}
    return {row for row in rows if len(row) == cells}


def test_the_table_of_notices_says_what_the_code_says() -> None:
    rows = rows_of_outcomes(cells=4) - {("notice", "in words", "issue", "may leave something out")}
    assert rows == {
        (code.value, code.words, code.issue_code, "yes" if code.leaves_out else "no") for code in NoticeCode
    }


def test_the_table_of_outcomes_says_what_the_code_says() -> None:
    rows = rows_of_outcomes(cells=5) - {("outcome", "reason", "in words", "issue", "section")}
    outcomes = {(one.value, "", one.words, one.issue_code, one.effect.value) for one in Outcome}
    reasons = {
        (one.outcome.value, one.value, f"{one.outcome.words}: {one.words}", one.issue_code, one.outcome.effect.value)
        for one in Reason
    }
    assert rows == outcomes | reasons


def test_what_serving_takes_is_locked_as_everything_else_is() -> None:
    pinned = re.compile(r"^([\w.-]+(?:\[\w+\])?==\S+)|^    --hash=(\S+)", flags=re.MULTILINE)
    everything, serving = (
        set(pinned.findall((PROJECT / "locks" / name).read_text())) for name in ("project.txt", "service.txt")
    )
    assert 30 < len({name for name, _ in serving if name}) < len({name for name, _ in everything if name})
    assert serving < everything
