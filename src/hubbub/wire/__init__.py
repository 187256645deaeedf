"""Bytes to values and back. Pure: no loop, no clock, no socket, no log."""
