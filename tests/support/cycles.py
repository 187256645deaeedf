"""`tests.support.rooms` for thousands of members: who left can be forgotten.

uvicorn tests.support.cycles:app
"""

from __future__ import annotations

from tests.support.rooms import create_app

app = create_app()


@app.post("/forget")
async def forget() -> int:
    """How many left since the last time."""
    count = len(app.state.leaves)
    app.state.leaves.clear()
    return count
