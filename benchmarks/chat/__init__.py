"""What the chat costs."""
