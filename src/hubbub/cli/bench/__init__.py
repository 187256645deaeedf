"""`hubbub bench`: a load generator for any WebSocket server with rooms."""

from hubbub.cli.bench.command import bench as bench
