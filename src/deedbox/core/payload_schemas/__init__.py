"""Schemas that tenants give for their devices' Protobuf payloads: read, checked, compiled."""
