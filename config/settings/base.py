"""The settings that are the same wherever the service runs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONCE, NONE, SELF

from config.env import database_parts, read_environment

PROJECT = Path(__file__).resolve().parents[2]
ENVIRONMENT = read_environment()

DEBUG = False
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "config",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "aggregator.accounts",
    "aggregator.sources",
    "aggregator.audit",
    "aggregator.alerts",
    "aggregator.mpi",
    "aggregator.relationships",
    "aggregator.break_glass",
    "aggregator.consent",
    "aggregator.federation",
    "aggregator.health",
    "aggregator.changes",
    "aggregator.web",
    "aggregator.api",
    "aggregator.cli",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.PlatformHeaders",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.log.RequestLog",
    "aggregator.web.unattended.Sessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.request_limits.RequestLimits",
    "aggregator.web.signed_in.SignInRequired",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [PROJECT / "aggregator" / "web"],
        "APP_DIRS": False,
        "OPTIONS": {
            "environment": "config.jinja.environment",
            "context_processors": ["csp.context_processors.nonce"],
        },
    }
]

# How a connector is declared: one folder, one line here. Those of other distributions are in OTHER_CONNECTORS.
CONNECTORS = ENVIRONMENT.connectors(
    "OTHER_CONNECTORS",
    ours={
        "fhir_r4": "connectors.fhir_r4.connector.FhirR4",
        "gp_connect": "connectors.gp_connect.connector.GpConnect",
    },
)

# Who is asking
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/"
PASSWORD_HASHERS = ["aggregator.accounts.hashing.Argon2"]
AUTHENTICATION_BACKENDS = ["aggregator.accounts.backend.AccountsBackend"]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_ENGINE = "aggregator.accounts.sessions"
SESSION_COOKIE_AGE = 900  # seconds without a request; SESSION_LIMIT is the limit however busy
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_LIMIT = timedelta(hours=12)
# A cookie, so that nobody who has not signed in needs a session. Forms carry the token, so scripts need not read it.
CSRF_USE_SESSIONS = False
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_AGE = None
CSRF_FAILURE_VIEW = "aggregator.web.pages.form_refused"
CSRF_COOKIE_SAMESITE = "Lax"

# What a request may bring and an answer must say
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
BODY_LIMIT_BYTES = 1_048_576
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
# Not "no-referrer": browsers would then send `Origin: null` with forms, which the CSRF check must refuse.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
USE_X_FORWARDED_HOST = False
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [NONE],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-src": [SELF],
        "frame-ancestors": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["aggregator.api.permissions.DenyAll"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "aggregator.api.fhir.rendering.as_outcome",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Longview service API",
    "VERSION": "0.1.0",
    "SCHEMA_PATH_PREFIX_INSERT": "/api",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "aggregator.api.service.description.complete",
    ],
}

# Words, time, place
LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "Europe/London"

# Static files
STATIC_URL = "/static/"
STATIC_ROOT = PROJECT / "static-collected"
STATICFILES_DIRS: list[Path] = [PROJECT / "aggregator" / "web" / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "config.static_files.PackageFilesFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "config.static_files.HashedStaticFiles"},
}
WHITENOISE_ALLOW_ALL_ORIGINS = False

# A statement that runs longer than a page may wait is an error; an idle transaction holds back the audit's sealing.
CONNECTION_OPTIONS = (
    "-c statement_timeout=5000 -c lock_timeout=1000 -c idle_in_transaction_session_timeout=15000 -c timezone=UTC"
)


def database(*, url: str) -> dict[str, Any]:
    """Return Django's entry for the database at `url`; ATOMIC_REQUESTS stays off, since services own transactions."""
    parts = database_parts(url)
    parts["OPTIONS"] = {"connect_timeout": "3", "options": CONNECTION_OPTIONS, **parts["OPTIONS"]}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        **parts,
    }


def cache(*, url: str) -> dict[str, Any]:
    """Return Django's entry for the shared counters (limits, lock-outs)."""
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": "cache",
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }


# From the environment. Without Redis, a host name that never resolves: connecting fails at once and says why.
NO_REDIS = "redis://redis-url-is-not-set.invalid:6379/0"
_database_url = ENVIRONMENT.database_url.get_secret_value()

SECRET_KEY = ENVIRONMENT.text("SECRET_KEY")
HELD_ITEMS_KEY = ENVIRONMENT.key("HELD_ITEMS_KEY")
ALERTS_KEY = ENVIRONMENT.key("ALERTS_KEY") if ENVIRONMENT.alerts_key.get_secret_value() else b""
KEYS_ARE_TEMPORARY = False  # generated for this process alone: web and worker processes refuse to start with them
PUBLIC_URL = ENVIRONMENT.public_url
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts.split(",")
DATA_FOLDER = ENVIRONMENT.data_folder.absolute()
TERMINOLOGY_FILE = ENVIRONMENT.terminology_file and ENVIRONMENT.terminology_file.absolute()
DATABASES = {"default": database(url=_database_url) if _database_url else {"ENGINE": "config.no_database"}}
PRIVATE_SERVICES = False  # whether commands may find the launcher's PostgreSQL by the address file
DATABASE_APP_ROLE = DATABASES["default"].get("USER", "")
REDIS_URL = ENVIRONMENT.redis_url.get_secret_value() or NO_REDIS
HELD_REDIS_URL = ENVIRONMENT.held_redis_url.get_secret_value() or REDIS_URL
CACHES = {"default": cache(url=HELD_REDIS_URL)}
PROXY_ADDRESSES = ENVIRONMENT.networks("PROXY_ADDRESSES")
SIGN_IN_FAILURES = ENVIRONMENT.sign_in_failures
SIGN_IN_FAILURES_PER_ACCOUNT = ENVIRONMENT.sign_in_failures_per_account
SIGN_IN_FAILURES_PER_ADDRESS = ENVIRONMENT.sign_in_failures_per_address
ANONYMOUS_REQUESTS_PER_MINUTE = ENVIRONMENT.anonymous_requests_per_minute
SESSIONS_PER_USER = ENVIRONMENT.sessions_per_user
SEARCHES_PER_MINUTE = ENVIRONMENT.searches_per_minute
OPENINGS_PER_MINUTE = ENVIRONMENT.openings_per_minute
CLIENT_OPENINGS_PER_MINUTE = ENVIRONMENT.client_openings_per_minute
TOKENS_PER_MINUTE = ENVIRONMENT.tokens_per_minute
HEALTH_REPORTS_PER_MINUTE = ENVIRONMENT.health_reports_per_minute
FHIR_REQUESTS_PER_MINUTE = ENVIRONMENT.fhir_requests_per_minute
SELF_CLAIM_HOURS = ENVIRONMENT.self_claim_hours
HEADER_TIMEOUT_S = ENVIRONMENT.header_timeout_s
CONNECTIONS_PER_ADDRESS = ENVIRONMENT.connections_per_address
HASHING_SLOTS = ENVIRONMENT.hashing_slots
RETRIEVAL_DEADLINE_S = ENVIRONMENT.retrieval_deadline_s
SOURCE_TIME_LIMIT_S = ENVIRONMENT.source_time_limit_s
SOURCE_NETWORKS = ENVIRONMENT.networks("SOURCE_NETWORKS")
SOURCE_SECRETS_FOLDER = ENVIRONMENT.source_secrets_folder
METRICS_NETWORKS = ENVIRONMENT.networks("METRICS_NETWORKS")
WEBHOOK_NETWORKS = ENVIRONMENT.networks("WEBHOOK_NETWORKS")
PLAIN_HTTP_SOURCES = False  # http to sources beyond this machine
FLIGHTS_PER_SOURCE = ENVIRONMENT.flights_per_source
SOURCE_REQUESTS_AT_ONCE = ENVIRONMENT.source_requests_at_once
FLIGHTS_PER_WORKER = ENVIRONMENT.flights_per_worker
RETRIEVAL_RETENTION_S = ENVIRONMENT.retrieval_retention_s
EMAIL_HOST = ENVIRONMENT.email_host
EMAIL_PORT = ENVIRONMENT.email_port
EMAIL_USE_TLS = ENVIRONMENT.email_use_tls
EMAIL_USE_SSL = ENVIRONMENT.email_use_ssl
EMAIL_HOST_USER = ENVIRONMENT.email_host_user
EMAIL_HOST_PASSWORD = ENVIRONMENT.email_host_password.get_secret_value()
EMAIL_TIMEOUT = 10  # seconds, for each step of what is said to the mail server
DEFAULT_FROM_EMAIL = ENVIRONMENT.email_from
LOGGING_CONFIG = "config.log.configure"
LOGGING = {"format": ENVIRONMENT.log_format, "level": ENVIRONMENT.log_level}
