"""The banner above every page of a record. Pure."""

from __future__ import annotations

from dataclasses import replace

from aggregator.services.view_record import RecordView
from aggregator.web import wording
from aggregator.web.banner import Banner, OpenInEmergency, banner_of


def record_banner(*, view: RecordView) -> Banner:
    """Return the patient's banner, which says so where the record is open in an emergency."""
    access = view.emergency
    emergency = OpenInEmergency(access_id=access.id, until=wording.time_of_day(access.ends_at)) if access else None
    banner = banner_of(person=view.person, today=wording.london_date(view.shown_at), emergency=emergency)
    return replace(banner, standing=view.standing)
