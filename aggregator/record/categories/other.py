"""Clinical content of a type that has no section of its own. Pure."""

from __future__ import annotations

import re

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.rules import AbsenceElements, AbsenceRules, CategoryRules, TypeRules
from connectors.contract.categories import RecordCategory

NO_DEVICES = Absence(kind=AbsenceKind.NONE_KNOWN, about=RecordCategory.OTHER)

DEVICE_USE = TypeRules(name="DeviceUseStatement", absence=AbsenceElements(names=("device",)))

RULES = CategoryRules(
    category=RecordCategory.OTHER,
    title="Other",
    many="other content",
    place=150,
    types=(DEVICE_USE,),
    # Only of devices is it said that there are none.
    absence=AbsenceRules(
        one="something that may be one",
        many="devices",
        noun=re.compile(r"devices?|implants?"),
        # Source: IPS 2.0; IPS 1.1, absent-unknown-uv-ips.
        codes={
            "787483001": NO_DEVICES,
            "no-known-devices": NO_DEVICES,
            "no-device-info": Absence(kind=AbsenceKind.NO_INFORMATION, about=RecordCategory.OTHER),
        },
    ),
)
