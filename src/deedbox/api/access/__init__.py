"""Roles, groups, and what somebody may: addresses as clients of the reference server's PE call them."""
