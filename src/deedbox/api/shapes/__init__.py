"""The JSON of the REST API, both ways: structs whose fields are named as on the wire."""
