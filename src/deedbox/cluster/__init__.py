"""Tells the other nodes of a deployment what happened on this one."""
