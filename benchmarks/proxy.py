"""A link with delay: a TCP proxy that hands on every byte some milliseconds after it came, both ways.

Bandwidth is not limited. It runs as a process of its own: `python -m benchmarks.proxy LISTEN TO SECONDS`.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.support.process import LOOPBACK, free_port, listening

CHUNK = 1 << 20
BUFFER = 1 << 22
"""Bytes on each side; with less, the proxy is busier than those whom it delays."""
IN_FLIGHT = 4096


async def _read(reader: asyncio.StreamReader, line: asyncio.Queue[tuple[float, bytes]], delay: float) -> None:
    clock = asyncio.get_running_loop()
    while True:
        data = await reader.read(CHUNK)
        await line.put((clock.time() + delay, data))
        if not data:
            return


async def _write(writer: asyncio.StreamWriter, line: asyncio.Queue[tuple[float, bytes]]) -> None:
    clock = asyncio.get_running_loop()
    while True:
        due, data = await line.get()
        await asyncio.sleep(max(due - clock.time(), 0))
        if not data:
            writer.close()
            return
        writer.write(data)
        await writer.drain()


async def _one_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(IN_FLIGHT)
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_read(reader, line, delay))
            both.create_task(_write(writer, line))
    except* ConnectionError:
        writer.close()


async def serve(port: int, target: int, delay: float) -> None:
    """Stand between clients of `port` and the server at `target` until the process is ended."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(LOOPBACK, target, limit=BUFFER)
        for end in (writer, far_writer):
            end.transport.set_write_buffer_limits(BUFFER)
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.TaskGroup() as both:
            both.create_task(_one_way(reader, far_writer, delay))
            both.create_task(_one_way(far_reader, writer, delay))

    server = await asyncio.start_server(connected, LOOPBACK, port, limit=BUFFER)
    await server.serve_forever()


@contextmanager
def delayed(target: int, delay: float, folder: Path) -> Generator[int]:
    """Yield the port of a proxy in front of a server on this machine."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.proxy", str(port), str(target), str(delay)]
    env = {"PYTHONPATH": str(Path(__file__).parents[1])}
    with listening(command, [port], folder / f"proxy-{port}.log", env=env):
        yield port


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
