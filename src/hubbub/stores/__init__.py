"""Where the logs of durable rooms live: one module for each kind of store."""
