"""The formats in which devices write what they send, and are written to: JSON, Protobuf, either of both."""
