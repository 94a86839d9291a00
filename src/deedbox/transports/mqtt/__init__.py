"""The device side over MQTT 3.1, 3.1.1 and 5; what reads and writes packets has no socket and no clock."""
