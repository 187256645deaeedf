import asyncio

from hubbub.engine.clock import LoopClock
from hubbub.testing import FakeClock, clock_laws


async def test_the_loops_clock_keeps_the_laws() -> None:
    loop = asyncio.get_running_loop()

    async def step(seconds: float) -> None:
        passed = loop.create_future()
        loop.call_later(seconds, passed.set_result, None)
        await passed

    await clock_laws(LoopClock(loop), step)


async def test_the_fake_clock_keeps_the_laws() -> None:
    clock = FakeClock()
    await clock_laws(clock, clock.advance)
