"""Routes of the service API. Each needs a signed-in user, save that at which sources report; services decide what they
may do."""

from __future__ import annotations

from django.urls import path, re_path

from aggregator.api.service import (
    alerts,
    break_glass,
    care_teams,
    relationships,
    reviews,
    source_health,
    source_settings,
    sources,
    users,
)
from aggregator.api.service.schema import Schema
from aggregator.api.service.view import Unknown

PERSON, RELATIONSHIP, TEAM = "people/<uuid:person_id>", "relationships/<uuid:relationship_id>", "<uuid:team_id>"
USER = "<uuid:user_id>"
SOURCE, TRIAL = "sources/<uuid:source_id>", "sources/trials/<uuid:trial_id>"

urlpatterns = [
    path("schema/", Schema.as_view(), name="api-schema"),
    path(f"{PERSON}/relationships", relationships.PersonRelationships.as_view(), name="api-person-relationships"),
    path(f"{PERSON}/claims", relationships.Claims.as_view(), name="api-claims"),
    path(f"{PERSON}/access", relationships.PersonAccess.as_view(), name="api-person-access"),
    path("reach", relationships.UserReach.as_view(), name="api-reach"),
    path(f"{RELATIONSHIP}/end", relationships.EndRelationship.as_view(), name="api-end-relationship"),
    path(f"{RELATIONSHIP}/change", relationships.ChangeRelationship.as_view(), name="api-change-relationship"),
    path("care-teams", care_teams.CareTeams.as_view(), name="api-care-teams"),
    path(f"care-teams/{TEAM}", care_teams.CareTeam.as_view(), name="api-care-team"),
    path(f"care-teams/{TEAM}/end", care_teams.EndCareTeam.as_view(), name="api-end-care-team"),
    path(f"care-teams/{TEAM}/members", care_teams.CareTeamMembers.as_view(), name="api-care-team-members"),
    path(
        f"care-teams/{TEAM}/members/<uuid:place_id>/end",
        care_teams.EndCareTeamMember.as_view(),
        name="api-end-care-team-member",
    ),
    path(f"care-teams/{TEAM}/patients", care_teams.CareTeamPatients.as_view(), name="api-care-team-patients"),
    path(
        f"care-teams/{TEAM}/patients/<uuid:patient_id>/end",
        care_teams.EndCareTeamPatient.as_view(),
        name="api-end-care-team-patient",
    ),
    path(f"{PERSON}/emergency", break_glass.Emergency.as_view(), name="api-break-glass"),
    path("emergencies/<uuid:access_id>/end", break_glass.EndEmergency.as_view(), name="api-end-break-glass"),
    path("emergencies", break_glass.Cases.as_view(), name="api-break-glass-cases"),
    path("emergencies/<uuid:access_id>", break_glass.Case.as_view(), name="api-break-glass-case"),
    path("emergencies/<uuid:access_id>/review", break_glass.ReviewCase.as_view(), name="api-break-glass-review"),
    path("reviews", reviews.Reviews.as_view(), name="api-reviews"),
    path("reviews/<uuid:review_id>", reviews.OneReview.as_view(), name="api-review"),
    path("reviews/<uuid:review_id>/settle", reviews.SettleReview.as_view(), name="api-settle-review"),
    path("reviews/<uuid:review_id>/take-back", reviews.TakeBackReview.as_view(), name="api-take-back-review"),
    path("alerts", alerts.Alerts.as_view(), name="api-alerts"),
    path("alerts/webhooks", alerts.Webhooks.as_view(), name="api-webhooks"),
    path("alerts/webhooks/<uuid:webhook_id>/end", alerts.EndWebhook.as_view(), name="api-end-webhook"),
    path("alerts/webhooks/<uuid:webhook_id>/test", alerts.TryWebhook.as_view(), name="api-try-webhook"),
    path("sources", sources.Sources.as_view(), name="api-sources"),
    path(TRIAL, sources.SourceTrial.as_view(), name="api-source-trial"),
    path(f"{TRIAL}/save", source_settings.SaveTrial.as_view(), name="api-save-tried-source"),
    path(SOURCE, sources.OneSource.as_view(), name="api-source"),
    path(f"{SOURCE}/pause", sources.PauseSource.as_view(), name="api-pause-source"),
    path(f"{SOURCE}/resume", sources.ResumeSource.as_view(), name="api-resume-source"),
    path(f"{SOURCE}/trial", sources.TrySource.as_view(), name="api-try-source"),
    path(f"{SOURCE}/change", source_settings.ChangeSource.as_view(), name="api-change-source"),
    path(f"{SOURCE}/check", source_settings.CheckSource.as_view(), name="api-check-source"),
    path(f"{SOURCE}/token", source_settings.MakeReportToken.as_view(), name="api-make-report-token"),
    path(f"{SOURCE}/token/end", source_settings.EndReportToken.as_view(), name="api-end-report-token"),
    path(f"{SOURCE}/health", source_health.SourceHealthReport.as_view(), name="api-report-health"),
    path("users", users.Users.as_view(), name="api-users"),
    path("users/proposed", users.ProposedAccounts.as_view(), name="api-proposed-accounts"),
    path(f"users/{USER}", users.User.as_view(), name="api-user"),
    path(f"users/{USER}/roles/proposed", users.ProposedRoles.as_view(), name="api-proposed-roles"),
    path(f"users/{USER}/name", users.Name.as_view(), name="api-change-name"),
    path(f"users/{USER}/email", users.Email.as_view(), name="api-set-email"),
    path(f"users/{USER}/close", users.CloseAccount.as_view(), name="api-close-account"),
    path(f"users/{USER}/person", users.JoinUser.as_view(), name="api-join-user"),
    path(f"users/{USER}/person/end", users.EndUserJoin.as_view(), name="api-end-user-join"),
    path("roles/<uuid:membership_id>/end", users.EndMembership.as_view(), name="api-end-role"),
    path("changes", users.Changes.as_view(), name="api-changes"),
    path("changes/<uuid:change_id>/confirm", users.ConfirmChange.as_view(), name="api-confirm-change"),
    path("changes/<uuid:change_id>/reject", users.RejectChange.as_view(), name="api-reject-change"),
    re_path(r".*", Unknown.as_view(), name="api-unknown"),
]
