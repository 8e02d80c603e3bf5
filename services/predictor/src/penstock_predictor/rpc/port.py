"""The port for gRPC: taken at once, and served when somebody calls.

gRPC takes 13 MiB, and most predictors are asked by HTTP alone. So the first caller has it loaded, in a thread, while
HTTP goes on; who calls meanwhile waits too. Then gRPC listens on the same port (SO_REUSEPORT), and this listener goes
when nobody meets it any more. Those who met it are carried to gRPC and back. After a second gRPC asks them to connect
anew (GOAWAY: they send again what was not begun), and they come to it directly.
"""

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from penstock_predictor.errors import PortTaken, StartError
from penstock_predictor.lifecycle import Lifecycle
from penstock_predictor.rpc.relay import Connection, relay
from penstock_predictor.serving.runtime import Runtime

if TYPE_CHECKING:
    from penstock_predictor.rpc.server import GrpcServer

_BACKLOG = 128
"""Connections that the kernel holds until they are taken."""
_QUIET_SECONDS = 0.3
"""So long nobody came to this listener before it goes: a connection that is just being made would be refused. Less than
the time after which those who came are asked to connect anew.
"""
_FIRST_WORDS = 64 * 1024
"""Bytes of a caller that are read before gRPC is there."""
_SILENT_SECONDS = 10.0
"""How long a caller may say nothing. One who only looks whether the port is open never has gRPC loaded."""
_LAST_BYTES_SECONDS = 1.5
"""How long the last answers may take on their way."""
_LOOK_SECONDS = 0.1

_log = logging.getLogger(__name__)


class GrpcPort:
    """A port that is listened on."""

    def __init__(self, runtime: Runtime, on_fatal: Callable[[StartError], None]) -> None:
        """`on_fatal` is told when gRPC cannot be started."""
        self._runtime = runtime
        self._on_fatal = on_fatal
        self._loop = asyncio.get_running_loop()
        self._room = f"penstock-{secrets.token_hex(8)}"
        self._listener: socket.socket | None = None
        self._last_call = 0.0
        self._calls: set[asyncio.Task[None]] = set()
        self._loading: asyncio.Task[GrpcServer] | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Listen. Raises PortTaken."""
        settings = self._runtime.settings
        self._listener = bind(settings.listen_host, settings.grpc_port, share=settings.workers > 1)
        self._listener.setblocking(False)
        self._listener.listen(_BACKLOG)
        self._loop.add_reader(self._listener, self._take, self._listener)
        _log.info("gRPC listens", extra={"host": settings.listen_host, "port": settings.grpc_port})

    async def stop(self, grace: float) -> None:
        """Accept nothing more, and return when what is in flight is answered, at most `grace` seconds later.

        May be called again: that waits for the end of the first.
        """
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop(grace))
        await asyncio.shield(self._stopping)

    async def stop_when_drained(self, lifecycle: Lifecycle, grace: float) -> None:
        """Stop as soon as every sender has had its time to notice, which is when HTTP does."""
        while not lifecycle.drained:  # noqa: ASYNC110 - a signal handler sets it, which cannot wake anyone
            await asyncio.sleep(_LOOK_SECONDS)
        await self.stop(grace)

    async def _stop(self, grace: float) -> None:
        self._close()
        if self._loading:
            with contextlib.suppress(StartError):
                await (await self._loading).stop(grace)
        if self._calls:
            await asyncio.wait(self._calls, timeout=_LAST_BYTES_SECONDS)

    def _take(self, listener: socket.socket) -> None:
        """Take all who have connected."""
        while True:
            try:
                caller, _ = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:  # no more files may be open, say: who waits is looked at again in a while
                _log.warning("a caller of gRPC cannot be taken", extra={"detail": str(error)})
                self._loop.remove_reader(listener)
                self._loop.call_later(_LOOK_SECONDS, self._take_again, listener)
                return
            self._last_call = self._loop.time()
            call = asyncio.create_task(self._serve(caller))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    def _take_again(self, listener: socket.socket) -> None:
        if listener is self._listener:
            self._loop.add_reader(listener, self._take, listener)

    async def _serve(self, taken: socket.socket) -> None:
        taken.setblocking(False)
        try:
            caller = Connection(*await asyncio.open_connection(sock=taken))
        except OSError:  # gone already
            taken.close()
            return
        try:
            first = await asyncio.wait_for(caller.reader.read(_FIRST_WORDS), _SILENT_SECONDS)
            server = await self._enter_room() if first else None
        except (OSError, StartError):
            server = None
        if server is None:
            caller.writer.close()
            return
        server.writer.write(first)
        await relay(caller, server)

    async def _enter_room(self) -> Connection:
        """To gRPC, which is loaded for the first who wants to. Raises StartError, OSError."""
        self._loading = self._loading or asyncio.create_task(self._load())
        await asyncio.shield(self._loading)
        room = socket.socket(socket.AF_UNIX)
        room.setblocking(False)
        await self._loop.sock_connect(room, f"\0{self._room}")
        return Connection(*await asyncio.open_unix_connection(sock=room))

    async def _load(self) -> "GrpcServer":
        began = self._loop.time()
        await asyncio.to_thread(_import_grpc)
        from penstock_predictor.rpc.server import start_grpc  # noqa: PLC0415 - it is loaded now

        try:
            server = await start_grpc(self._runtime, room=self._room)
        except StartError as error:
            self._on_fatal(error)
            raise
        _log.info("gRPC was called and is loaded", extra={"seconds": round(self._loop.time() - began, 3)})
        self._leaving = asyncio.create_task(self._leave())
        return server

    async def _leave(self) -> None:
        """Leave the port to gRPC."""
        while self._loop.time() < self._last_call + _QUIET_SECONDS:  # noqa: ASYNC110 - no event: that nobody came
            await asyncio.sleep(_LOOK_SECONDS)
        self._close()

    def _close(self) -> None:
        listener, self._listener = self._listener, None
        if listener:
            self._loop.remove_reader(listener)
            # The kernel resets who still waits to be taken when a listener goes.
            self._take(listener)
            listener.close()


def _import_grpc() -> None:
    import penstock_predictor.rpc.server  # noqa: F401, PLC0415 - what this module is about


def bind(host: str, port: int, *, share: bool) -> socket.socket:
    """Take a port as gRPC will, which can then join. With `share` other processes may take it too. Raises PortTaken."""
    bound = socket.socket(socket.AF_INET6 if _has_ipv6() else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if share:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind(_address(bound, host, port))
    except OSError as error:
        bound.close()
        raise PortTaken(
            f"gRPC cannot listen on {host}:{port}: {error.strerror}: choose another --grpc-port, or 0 for none"
        ) from None
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return bound


def _address(bound: socket.socket, host: str, port: int) -> tuple[object, ...]:
    """By IPv6, with IPv4 in it, as gRPC does: a socket of another family would be preferred to gRPC's, or never met."""
    if bound.family == socket.AF_INET:
        return socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)[0][4]
    bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    any_host = "::" if host == "0.0.0.0" else host  # noqa: S104 - the settings say so
    return socket.getaddrinfo(any_host, port, socket.AF_INET6, socket.SOCK_STREAM, flags=socket.AI_V4MAPPED)[0][4]


def _has_ipv6() -> bool:
    """Whether this machine's loopback has it, which is how gRPC decides."""
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True
