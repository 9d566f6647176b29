"""One's own machine and the demonstration: generated keys, and the private services where no others are named."""

from __future__ import annotations

from config.embedded import running_services
from config.env import read_environment
from config.kept import local_keys
from config.settings.base import *  # noqa: F403
from config.settings.base import cache, database, from_environment

_environment = read_environment(log_format="console")
_services = running_services(folder=_environment.data_folder)
_environment = read_environment(
    **local_keys(folder=_environment.data_folder),
    **(_services.as_settings() if _services else {}),
    log_format="console",
    public_url="http://127.0.0.1:8000",
    allowed_hosts="127.0.0.1,localhost,[::1]",
)

globals().update(from_environment(environment=_environment))

# A name that never resolves: what has no Redis fails at once, and says by its name why.
NO_REDIS = "redis://redis-url-is-not-set.invalid:6379/0"
REDIS_URL = _environment.redis_url.get_secret_value() or NO_REDIS
HELD_REDIS_URL = _environment.held_redis_url.get_secret_value() or REDIS_URL
PUBLIC_URL = _environment.public_url
ALLOWED_HOSTS = _environment.allowed_hosts.split(",")

_url = _environment.database_url.get_secret_value()
DATABASES = {"default": database(url=_url) if _url else {"ENGINE": "config.no_database"}}
DATABASE_OWNER_URL = _environment.database_owner_url.get_secret_value()
DATABASE_APP_ROLE = DATABASES["default"].get("USER", "")
CACHES = {"default": cache(url=HELD_REDIS_URL)}
