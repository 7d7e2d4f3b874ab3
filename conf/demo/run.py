"""Run the demo: the backends in this process, proxyd in front of them in the foreground, until Ctrl-C.

python conf/demo/run.py [--port 8080]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import signal
import socket
import sys
from asyncio.subprocess import Process
from pathlib import Path

from backends import all_backends, die_and_return

DEMO = Path(__file__).resolve().parent
TOP = DEMO.parent.parent
WORK = TOP / "build" / "demo"
CONF = WORK / "demo.conf"

LISTEN = 8080
BACKENDS = [9001, 9002, 9003, 9004]  # blue, orange, moody, slow, as in demo.conf
START_SECONDS = 20


def is_free(port: int) -> bool:
    """Whether nothing listens on this port."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(wanted: int) -> int:
    """`wanted` where it is free, otherwise one that the kernel chooses."""
    if is_free(wanted):
        return wanted
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def write_conf(ports: dict[int, int]) -> None:
    """Copy demo.conf to the working directory, with each port replaced by the one that is used."""
    text = (DEMO / "demo.conf").read_text()
    WORK.mkdir(parents=True, exist_ok=True)
    CONF.write_text(re.sub(r"(?<=127\.0\.0\.1:)\d+", lambda found: str(ports[int(found[0])]), text))


def what_to_try(port: int) -> str:
    """The lines for the user."""
    url = f"http://127.0.0.1:{port}"
    proxyd = f".venv/bin/proxyd -p {WORK.relative_to(TOP)} -c {CONF.name}"
    return f"""
proxyd serves {url} - open it in a browser, or in another terminal:

  balancing     for n in 1 2 3 4; do curl -s {url}/; done
  failover      while sleep 0.5; do curl -s {url}/moody; done        (blue stands in while moody is dead)
  slow          time curl -s {url}/slow;  curl -s '{url}/slow?seconds=9'      (the second: 504 after 4 s)
  WebSocket     curl -sN --max-time 5 -H 'Connection: Upgrade' -H 'Upgrade: websocket' \\
                  -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: aGVsbG8gZnJvbSBjdXJsIQ==' {url}/ws
  reload        edit {CONF.relative_to(TOP)}, say weight=5 for blue, then
                {proxyd} reload
  status        {proxyd} status
  logs          tail -f {WORK.relative_to(TOP)}/access.log

Ctrl-C ends it all.
"""


async def wait_for_port(port: int, process: Process) -> None:
    """Return when `port` accepts connections; SystemExit when proxyd has ended instead."""
    async with asyncio.timeout(START_SECONDS):
        while process.returncode is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)
    raise SystemExit(f"proxyd ended at once, exit status {process.returncode}")


async def main(wanted: int) -> int:
    """Start everything, wait for the end, and give proxyd's exit status."""
    if not is_free(wanted):
        raise SystemExit(f"port {wanted} is in use; choose another one: make run PORT=8090")
    ports = {LISTEN: wanted} | {port: free_port(port) for port in BACKENDS}
    write_conf(ports)
    backends = all_backends([ports[port] for port in BACKENDS])
    for backend in backends:
        await backend.server.start()
    moody = asyncio.create_task(die_and_return(backends[2]))
    command = [sys.executable, "-m", "proxyd", "-p", f"{WORK}/", "-c", str(CONF)]
    proxyd = await asyncio.create_subprocess_exec(*command, cwd=TOP)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, proxyd)
    try:
        await wait_for_port(wanted, proxyd)
        print(what_to_try(wanted), flush=True)
        return await proxyd.wait()
    finally:
        moody.cancel()
        stop(proxyd)
        await proxyd.wait()


def stop(proxyd: Process) -> None:
    """Ask proxyd to end; on Ctrl-C the terminal has told it already."""
    with contextlib.suppress(ProcessLookupError):
        proxyd.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run proxyd in front of demo backends.")
    parser.add_argument("--port", type=int, default=LISTEN)
    raise SystemExit(asyncio.run(main(parser.parse_args().port)))
