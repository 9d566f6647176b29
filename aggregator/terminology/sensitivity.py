"""What makes content sensitive though its source has not said so, and the label that then stands on it. Pure."""

from __future__ import annotations

from enum import StrEnum

from fhir_data.labels import Label

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


class Sensitivity(StrEnum):
    """`words` say what it is about; `code` is the label's, of HL7 v3-ActCode, as IHE PCF names them in policies."""

    words: str
    code: str

    def __new__(cls, value: str, words: str = "", code: str = "") -> Sensitivity:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        member.code = code
        return member

    SEXUAL_HEALTH = "sexual-health", "sexual health", "STD"
    HIV = "hiv", "HIV", "HIV"
    TERMINATION = "termination", "termination of pregnancy", "SEX"
    FERTILITY = "fertility", "fertility treatment", "SEX"
    GENDER_IDENTITY = "gender-identity", "gender identity", "SEX"
    MENTAL_HEALTH = "mental-health", "mental health", "PSY"
    ABUSE = "abuse", "abuse and violence", "SDV"
    SAFEGUARDING = "safeguarding", "safeguarding", "SDV"
    GENETIC = "genetic", "genetic conditions", "GDIS"

    @property
    def label(self) -> Label:
        """The security label that content of this kind gets."""
        return Label(system=ACT_CODE, code=self.code)
