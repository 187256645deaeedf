"""What an acknowledgement costs that means something, and whether a log stays as fast as it was."""
