"""kopf's side: start, stop and liveness."""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import kopf

from penstock_controller.operator import Operator

_log = logging.getLogger(__name__)


def register(
    registry: kopf.OperatorRegistry, operator: AbstractAsyncContextManager[Operator], stop: asyncio.Event
) -> None:
    """Add start-up, clean-up and probe to a registry.

    `operator`: entered at start-up, left at clean-up. `stop`: set when the workers have ended, whyever.
    """
    stack = AsyncExitStack()

    @kopf.on.login(registry=registry)
    def log_in(**arguments: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**arguments) or kopf.login_with_kubeconfig(**arguments)

    @kopf.on.startup(registry=registry)
    async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
        _configure(settings)
        memo.operator = await stack.enter_async_context(operator)
        await memo.operator.call_roll()
        memo.work = asyncio.create_task(memo.operator.run())
        memo.work.add_done_callback(ended)

    def ended(work: asyncio.Task[None]) -> None:
        if not work.cancelled():
            _log.critical("the workers have ended: the controller ends", exc_info=work.exception())
            stop.set()

    @kopf.on.cleanup(registry=registry)
    async def clean_up(memo: kopf.Memo, **_: Any) -> None:
        memo.work.cancel()
        await asyncio.gather(memo.work, return_exceptions=True)
        await stack.aclose()

    @kopf.on.probe(id="working", registry=registry)
    def working(memo: kopf.Memo, **_: Any) -> str:
        if memo.work.done():
            raise RuntimeError("the workers have ended")
        return "yes"


def _configure(settings: kopf.OperatorSettings) -> None:
    settings.posting.enabled = False
    settings.scanning.disabled = True
    # A watch that went silent must end: all three limits are needed (kopf #585, #957).
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    settings.watching.connect_timeout = 10
    settings.networking.request_timeout = 30
