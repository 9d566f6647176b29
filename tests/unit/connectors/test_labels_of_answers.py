"""The labels of an answer: an item has its own and its Bundle's, and of its Patient each copy's count."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.contract.values import Reply
from connectors.gp_connect.answer import read_answer
from connectors.transport.pace import finish
from fhir_data.labels import Label
from fhir_data.splitting import SplitPayload, split
from tests.factories import CONFIDENTIALITY, Json, restricted
from tests.rereading import read_anew_and_again

R = Label(system=CONFIDENTIALITY, code="R")


def patient(key: str = "1", **members: Any) -> Json:
    return {"resourceType": "Patient", "id": key, **members}


def page(*resources: Json) -> SplitPayload:
    entries = [{"resource": resource} for resource in resources]
    return split(payload=json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}).encode())


def of_hospital(*pages: SplitPayload) -> Reply:
    return read_anew_and_again(pages=pages, patient_id="1")


@pytest.mark.parametrize(
    "copy", [patient(meta=restricted()), patient(meta=restricted(), birthDate=10**60), patient(meta={"security": "R"})]
)
def test_a_label_on_a_later_copy_counts(copy: Json) -> None:
    assert of_hospital(page(patient()), page(copy)).subject_labels
    assert of_hospital(page(patient(), copy)).subject_labels
    assert finish(steps=read_answer(payload=page(patient(), copy))).subject_labels


def test_a_label_on_another_patient_does_not() -> None:
    mother = patient("2", meta=restricted())
    assert of_hospital(page(patient(), mother)).subject_labels == ()
    assert finish(steps=read_answer(payload=page(patient(), mother))).subject_labels == ()


def test_what_is_said_around_the_patient_s_entry_counts() -> None:
    label = {"url": "https://x.example/extension-inline-sec-label", "valueCoding": restricted()["security"][0]}
    entry = {"resource": patient(), "extension": [label]}
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [entry]}
    assert of_hospital(split(payload=json.dumps(bundle).encode())).subject_labels == (R,)


@pytest.mark.parametrize("bundle", [{}, {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "V"}]}}])
def test_an_item_has_its_own_labels_and_those_of_its_bundle(bundle: Json) -> None:
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/1"}, "meta": restricted()}
    entries = [{"resource": resource} for resource in (patient(), condition)]
    body = json.dumps({"resourceType": "Bundle", "type": "collection", **bundle, "entry": entries}).encode()
    expected = (R, Label(system=CONFIDENTIALITY, code="V")) if bundle else (R,)
    for reply in (of_hospital(split(payload=body)), finish(steps=read_answer(payload=split(payload=body)))):
        assert [item.labels for item in reply.items] == [expected]
