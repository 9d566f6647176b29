"""Routes of the HTML door. Every one needs a sign-in, save `sign-in` itself."""

from __future__ import annotations

from django.urls import path

from aggregator.web import administrator, clinician, reviews, session

urlpatterns = [
    path("", clinician.find, name="find"),
    path("sign-in", session.sign_in, name="sign-in"),
    path("sign-out", session.sign_out, name="sign-out"),
    path("people/<uuid:person_id>/record", clinician.open_record, name="open-record"),
    path("records/<uuid:retrieval_id>", clinician.record, name="record"),
    path("records/<uuid:retrieval_id>/part", clinician.record_part, name="record-part"),
    path("records/<uuid:retrieval_id>/entries/<slug:entry_key>", clinician.entry, name="entry"),
    path("records/<uuid:retrieval_id>/sections/<slug:section>", clinician.section, name="section"),
    path("people/<uuid:person_id>/consent", administrator.consent, name="consent"),
    path("sources", administrator.sources, name="sources"),
    path("reviews", reviews.reviews, name="reviews"),
    path("reviews/<uuid:review_id>", reviews.review, name="review"),
    path("reviews/<uuid:review_id>/take-back", reviews.take_back, name="take-back-review"),
]
