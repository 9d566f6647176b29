"""The Jinja environment of the pages: ours first, then the NHS design system's."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader, Template

from aggregator.record.invisible import made_visible
from aggregator.web.areas import navigation_for
from aggregator.web.filters import FILTERS

# A plain path, since folders have no hashed name; references in the style sheet are rewritten when files are collected.
ASSET_PATH = f"/{settings.STATIC_URL.strip('/')}/nhsuk/assets"


class Page(Template):
    """A template whose whole output shows what a reader cannot see.

    To treat each value is not enough: one that has become markup, by a filter or by being joined to markup, is past it.
    """

    def render(self, *arguments: Any, **values: Any) -> str:
        """Return the page."""
        return made_visible(text=super().render(*arguments, **values))


def environment(**options: Any) -> Environment:
    """Return the environment; `options` come from Django, with autoescape on."""
    own_templates = options.pop("loader")
    # The design system's macros read attributes of parameters that were not passed.
    options["undefined"] = ChainableUndefined
    design_system = [
        PackageLoader("nhsuk_frontend_jinja", package_path)
        for package_path in ("templates", "templates/nhsuk/components", "templates/nhsuk/macros")
    ]
    jinja = Environment(loader=ChoiceLoader([own_templates, *design_system]), **options)  # noqa: S701 (autoescape is in options)
    jinja.template_class = Page
    jinja.globals.update(static=static, url=url, assetPath=ASSET_PATH, navigation_for=navigation_for)
    jinja.filters.update(FILTERS)
    return jinja


def url(name: str, **arguments: Any) -> str:
    """Return the path of the view of this name."""
    return reverse(name, kwargs=arguments)
