"""The device API over HTTP, under /api/v1."""
