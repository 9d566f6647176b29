from django.apps import AppConfig

from aggregator.sources import checks  # noqa: F401  importing it registers the check


class SourcesConfig(AppConfig):
    name = "aggregator.sources"
    label = "sources"
