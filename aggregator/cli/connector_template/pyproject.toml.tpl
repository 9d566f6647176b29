[build-system]
requires = ["uv_build>=0.9,<1"]
build-backend = "uv_build"

[project]
name = "$distribution"
version = "0.1.0"
description = "A Longview connector: $kind."
readme = "README.md"
requires-python = ">=3.11"
# Longview is no dependency: it is the program that this runs in, and is on no registry.
dependencies = []

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["src", "tests"]
