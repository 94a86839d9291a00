"""The REST API that people, applications and scripts call."""
