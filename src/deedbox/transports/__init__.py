"""The device side: bytes come in, the rules are asked, bytes go out."""
