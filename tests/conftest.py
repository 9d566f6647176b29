"""Fixtures for the whole suite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from config import database_roles as roles
from tests import proofs
from tests.browser import chromium, page
from tests.crowds import everything_let_in, nothing_under_way
from tests.emptying import emptied_patiently

__all__ = ["chromium", "emptied_patiently", "everything_let_in", "nothing_under_way", "page"]

proofs.load_profile()

EMPTY_TABLES = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'audit_event' LOOP
        EXECUTE format('GRANT TRUNCATE ON public.%I TO {role}', name);
    END LOOP;
END $$
"""


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> dict[str, Any]:
    """Have the test database made and migrated by its owner; give how the application logs in."""
    as_application = {name: connection.settings_dict[name] for name in roles.CHANGED}
    if not roles.single_role():
        with django_db_blocker.unblock():
            roles.use_owner(connection=connection)
    return as_application


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_modify_db_settings: dict[str, Any], django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Serve the tests as the application's role, as in production; to empty tables is all that is allowed on top."""
    if roles.single_role():
        yield
        return
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(EMPTY_TABLES.format(role=connection.ops.quote_name(django_db_modify_db_settings["USER"])))
        roles.use(connection=connection, parameters=django_db_modify_db_settings)
    yield
    with django_db_blocker.unblock():
        roles.use_owner(connection=connection)
