"""The deployment of the REST tests, for tests of what stands in front of it."""

from tests.api.conftest import deployment, template_folder

__all__ = ["deployment", "template_folder"]
