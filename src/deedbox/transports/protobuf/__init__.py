"""Protobuf messages of the device API; `make protobuf` writes `device_api_pb2` from `device_api.proto`."""
