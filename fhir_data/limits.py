"""How much of a payload, and of one entry, is read.

Seen in real payloads: depth 17, 1.3 MB, 502 entries, numbers of 20 characters, 0.05 brackets per byte.
"""

# Of a payload.
MAX_PAYLOAD_BYTES = 50 * 1024 * 1024
MAX_BRACKETS = 1_000_000  # `{}` costs 31 times its size when parsed
MAX_COMMAS = 4_000_000
MAX_ENTRIES = 50_000
MAX_MEMBERS = 50_000  # of the payload itself and of an entry, beside the resource that it holds
# Of one entry.
MAX_DEPTH = 64  # fhir.resources stops at 122 levels of extension, json at about 995
MAX_LIST_ITEMS = 10_000
MAX_VALUES = 50_000  # counted before it is parsed; a model that finds every one of them wrong takes a second
MAX_NUMBER_CHARACTERS = 40
MAX_EXPONENT = 30
MAX_STRING_CHARACTERS = 1024 * 1024
MAX_DOCUMENT_BYTES = 10 * 1024 * 1024
# Of a verdict: how many flaws it names, how many faults it looks into one by one, and how often an entry is judged
# again without what was at fault in it.
MAX_FLAWS = 20
MAX_FAULTS = 1_000
MAX_ROUNDS = 12
