"""The routes of this area."""

from __future__ import annotations

from django.urls import path

from aggregator.web.area import Area
from aggregator.web.record import views

AREA = Area(
    routes=[
        path("people/<uuid:person_id>/record", views.open_record, name="open-record"),
        path("records/<uuid:retrieval_id>", views.record, name="record"),
        path("records/<uuid:retrieval_id>/part", views.record_part, name="record-part"),
        path("records/<uuid:retrieval_id>/check", views.record_check, name="record-check"),
        path("records/<uuid:retrieval_id>/entries/<slug:entry_key>", views.entry, name="entry"),
        path(
            "records/<uuid:retrieval_id>/entries/<slug:entry_key>/documents/<int:number>",
            views.document,
            name="document",
        ),
        path(
            "records/<uuid:retrieval_id>/entries/<slug:entry_key>/documents/<int:number>/content",
            views.document_content,
            name="document-content",
        ),
        path(
            "records/<uuid:retrieval_id>/entries/<slug:entry_key>/documents/<int:number>/fetch",
            views.fetch_document,
            name="fetch-document",
        ),
        path("records/<uuid:retrieval_id>/sections/<slug:section>", views.section, name="section"),
    ]
)
