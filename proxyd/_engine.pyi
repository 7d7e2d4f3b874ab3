"""What the C engine shows to Python. One Engine per worker; every call comes from the thread that made it."""

class EngineError(Exception):
    """The engine refuses, and says why. Nothing has changed."""

class Engine:
    def __init__(self, worker: int, ledgers_fd: int, peers_fd: int) -> None:
        """worker: index from 0, and of its Ledger. ledgers_fd, peers_fd: segments that the master made
        (shared/segments.py)."""
    def register(self, fd: int, events: int) -> None:
        """Watch a Python descriptor. events: select.EPOLLIN | select.EPOLLOUT, level-triggered."""
    def modify(self, fd: int, events: int) -> None: ...
    def unregister(self, fd: int) -> None: ...
    def select(self, timeout: float) -> list[tuple[int, int]]:
        """Serve HTTP until a Python descriptor is ready or timeout seconds (negative: for ever) are over.

        Releases the GIL."""
    def prepare(self, plan: bytes, descriptors: dict[str, int]) -> int:
        """Load a Plan (msgpack of EnginePlan). Descriptors by key; the engine duplicates what it keeps.

        Gives the new generation's number. Raises EngineError: nothing has changed."""
    def activate(self, generation: int) -> None:
        """New requests use it from now on; listeners that it lacks are closed, new ones accept."""
    def discard(self, generation: int) -> None:
        """Forget a prepared generation that was not activated."""
    def reopen(self, descriptors: dict[str, int]) -> None:
        """Put new files under the keys ("log:PATH"); buffered lines go to the old file first."""
    def drain(self, timeout_ms: int, idle_ms: int = 0) -> None:
        """Stop accepting, close idle connections after idle_ms, let others finish; after timeout_ms (0:
        never) end all.
        """
    def live(self) -> dict[str, int]:
        """Alive now: connections, requests, tunnels, idle_upstream, generations, objects, timers, blocks."""
    def close(self) -> None: ...

def fence() -> None:
    """Other processes see what was written to shared memory before this before what is written behind it."""

def layout() -> int:
    """The digest of the Plan declarations that this engine was built from."""

def version() -> dict[str, str]:
    """Versions of what it was built with: compiler, pcre2."""
