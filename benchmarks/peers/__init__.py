"""The servers of the comparison: a file each, started with the port as its first argument.

All keep one contract: who sends text on `/ws/{room}` has it sent to everyone in that room as
`Room {room}: {text}`, the sender too. With `json` as the second argument, where a file knows it,
who sends `{"text":…}` has `{"room":…,"text":…}` sent; the server parses the one and writes the
other. Each is what its library's documentation leads to, on one process and loopback, with logging
and compression off.
"""
