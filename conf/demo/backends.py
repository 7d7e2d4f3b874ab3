"""The backends of the demo, all in one process: two colours, a slow one, and one that dies and comes back."""

from __future__ import annotations

import asyncio
import html
import string
from pathlib import Path

import websocket
from httpd import Answer, Request, Server

PAGE = string.Template(Path(__file__).with_name("page.html").read_text())

UP_SECONDS = 8
DOWN_SECONDS = 6
MOST_SECONDS = 60.0

FORWARDED = ("host", "x-real-ip", "x-forwarded-for", "x-forwarded-proto", "connection", "user-agent")


class Backend:
    """One application: says who it is and how many requests it has seen."""

    def __init__(self, name: str, colour: str, port: int, delay: float = 0) -> None:
        self.name = name
        self.colour = colour
        self.delay = delay
        self.requests = 0
        self.server = Server(port, self.answer, self.upgrade)

    async def answer(self, request: Request) -> Answer:
        """A page for a browser, JSON for the page's script, a line of text for all others."""
        self.requests += 1
        await asyncio.sleep(self.delay_of(request))
        if request.path == "/colour":
            text = f'{{"name": "{self.name}", "colour": "{self.colour}", "requests": {self.requests}}}\n'
            return Answer(text, "application/json")
        if "text/html" in request.headers.get("accept", ""):
            return Answer(self.page(request), "text/html; charset=utf-8")
        return Answer(f"{self.name}: request {self.requests}\n")

    def delay_of(self, request: Request) -> float:
        """Seconds before the answer: the slow backend's own, or what ?seconds= asks for."""
        asked = request.query.get("seconds", [""])[0]
        if self.delay and asked.replace(".", "", 1).isdigit():
            return min(float(asked), MOST_SECONDS)
        return self.delay

    def page(self, request: Request) -> str:
        """The page, in this backend's colour, with what it learned about the client."""
        rows = "\n".join(
            f"<tr><th>{name}</th><td>{html.escape(request.headers[name])}</td></tr>"
            for name in FORWARDED
            if name in request.headers
        )
        return PAGE.substitute(
            name=self.name,
            colour=self.colour,
            requests=self.requests,
            path=html.escape(request.path),
            headers=rows,
        )

    async def upgrade(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Speak WebSocket."""
        self.requests += 1
        await websocket.serve(self.name, request, reader, writer)


async def die_and_return(backend: Backend) -> None:
    """Crash and come back, for ever."""
    while True:
        await asyncio.sleep(UP_SECONDS)
        backend.server.crash()
        await asyncio.sleep(DOWN_SECONDS)
        await backend.server.start()


def all_backends(ports: list[int]) -> list[Backend]:
    """Blue, orange, moody and slow, on these ports."""
    blue, orange, moody, slow = ports
    return [
        Backend("blue", "#3d7ea6", blue),
        Backend("orange", "#e07a2f", orange),
        Backend("moody", "#8e5572", moody),
        Backend("slow", "#6b705c", slow, delay=2),
    ]
