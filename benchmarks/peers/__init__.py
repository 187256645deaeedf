"""The servers of the comparison: a file each, started with the port as its one argument.

All keep one contract: who sends text on `/ws/{room}` has it sent to everyone in that room as
`Room {room}: {text}`, the sender too. Each is what its library's documentation leads to, on one
process and loopback, with logging and compression off.
"""
