"""For all tests: how hard Hypothesis tries. HYPOTHESIS_PROFILE=thorough looks for as long as it takes."""

import os

from hypothesis import HealthCheck, settings

# A build that was green stays green: the quick profile plays the same examples every time.
settings.register_profile("quick", max_examples=200, stateful_step_count=30, deadline=None, derandomize=True)
settings.register_profile(
    "thorough",
    max_examples=1000,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
