"""What people attach to messages, and their pictures: bytes in a folder or a bucket, and rows."""
