"""Contexts with a door of their own and an empty first page, made ahead of need: a sign-in does not wait for a browser."""

import contextlib
from dataclasses import dataclass
from typing import Any

from playwright.async_api import BrowserContext, Error, Page, StorageState

from broker.base.errors import Unavailable
from workers.browser import masks
from workers.browser.egress import Door, Egress
from workers.browser.pool import Pool, Shard

Key = tuple[str, str]
"""Organization and time zone: a context is made for both."""


@dataclass(frozen=True)
class Berth:
    """A context nobody has used. Its door leads nowhere until `Egress.open` gives it to a sign-in."""

    shard: Shard
    context: BrowserContext
    door: Door
    page: Page

    @property
    def usable(self) -> bool:
        return not (self.shard.dead or self.page.is_closed())


class Berths:
    """Where portal sessions of this node begin: in the spare, when it was made for such a one, else in a fresh one."""

    def __init__(self, pool: Pool, egress: Egress) -> None:
        self._pool = pool
        self._egress = egress
        self._spare: Berth | None = None
        self._key: Key = ("", "")
        self._stopped = False

    async def taken(self, organization_id: str, time_zone: str, state: StorageState | None = None) -> Berth:
        """One for this session. Raises `Unavailable` when the node is full or the browser is away."""
        spare, key = self._spare, (organization_id, time_zone)
        if spare is not None and spare.usable and state is None and key == self._key:
            self._spare = None
            try:
                self._pool.use_spare(spare.shard, spare.context)
            except Unavailable:
                await self._close(spare)
                raise
            return spare
        return await self._made(key, state, spare=False)

    async def make_ready(self, organization_id: str, time_zone: str) -> None:
        """Have a spare for the next sign-in like this one. Nothing happens when there is no room for one."""
        key = (organization_id, time_zone)
        if self._stopped or (self._spare is not None and self._spare.usable and self._key == key):
            return
        await self.clear()
        if self._stopped:
            return
        with contextlib.suppress(Unavailable, Error, OSError):
            made = await self._made(key, None, spare=True)
            if self._stopped or self._spare is not None:
                await self._close(made)
            else:
                self._spare, self._key = made, key

    async def clear(self) -> None:
        """Close the spare."""
        spare, self._spare = self._spare, None
        if spare is not None:
            await self._close(spare)

    async def stop(self) -> None:
        """None is made from now on."""
        self._stopped = True
        await self.clear()

    async def _made(self, key: Key, state: StorageState | None, *, spare: bool) -> Berth:
        organization_id, time_zone = key
        door = await self._egress.listen()
        options: dict[str, Any] = {"storage_state": state} if state is not None else {}
        try:
            shard, context = await self._pool.context(
                organization_id,
                spare=spare,
                proxy={"server": door.url, "bypass": "<-loopback>"},
                service_workers="block",
                accept_downloads=True,
                timezone_id=time_zone,
                locale="en-US",
                **options,
            )
        except BaseException:
            await self._egress.shut(door)
            raise
        try:
            await masks.put_on(context)
            return Berth(shard, context, door, await context.new_page())
        except BaseException:
            await self._egress.shut(door)
            await self._pool.give_back(shard, context)
            raise

    async def _close(self, berth: Berth) -> None:
        await self._egress.shut(berth.door)
        await self._pool.give_back(berth.shard, berth.context)
