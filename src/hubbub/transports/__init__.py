"""Where bytes come from and go to: our own WebSocket class for uvicorn, and any ASGI server."""
