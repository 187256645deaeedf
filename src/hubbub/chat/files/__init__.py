"""What people attach to messages, and their pictures.

The bytes are in a folder or a bucket (`blobs`, `disk`, `s3`), what is known of them in
`schema.files` (`rows`). `uploads` brings them from one to the other, by way of `kinds`, `names` and
`pictures`; `routes` and `serving` are the way out, and `sweeper` the end.
"""
