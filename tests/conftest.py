"""What all tests share: the settings of hypothesis."""

from hypothesis import HealthCheck, settings

# No deadline per example: the tests run on shared, busy machines, and pytest-timeout guards against hanging.
settings.register_profile("agentspace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("agentspace")
