from django.apps import AppConfig


class HealthConfig(AppConfig):
    name = "aggregator.health"
    label = "health"
