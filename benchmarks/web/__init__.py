"""What the web client costs who uses it."""
