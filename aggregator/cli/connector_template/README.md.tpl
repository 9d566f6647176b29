# $kind

A connector for Longview: say here what a source of this kind is, and which
specification its requests and answers follow, with its version and sections.

## Write it
`docs/connectors.md` of Longview says what a connector must do. Here are two files to fill in:

- `tests/example.py`: how a source of this kind answers, and what must come of it. Begin with it.
- `src/$kind/connector.py`: the connector.

Run the checks with Longview's Python, from this folder. LONGVIEW is the folder that holds Longview's `manage.py`:

    PYTHONPATH=LONGVIEW LONGVIEW/.venv/bin/python -m pytest

## Options of a source
| option | meaning |
|---|---|

## Install it
    LONGVIEW/.venv/bin/python -m uv build --wheel
    LONGVIEW/.venv/bin/python -m uv pip install --python LONGVIEW/.venv/bin/python --no-deps dist/*.whl

Then set `OTHER_CONNECTORS=$kind=$kind.connector.$class_name` for every process of Longview, and restart them.
