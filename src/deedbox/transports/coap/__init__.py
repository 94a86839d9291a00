"""The device API over CoAP, under /api/v1."""
