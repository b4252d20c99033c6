"""Which site answers for which hostname; a host that nobody has is the judge's business."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from carrier_scripts.lab.bluestone_mutual import BluestoneMutual
from carrier_scripts.lab.copper_mesa_az import CopperMesaAz
from carrier_scripts.lab.copper_mesa_nv import CopperMesaNv
from carrier_scripts.lab.evergreen_medicaid import EvergreenMedicaid
from carrier_scripts.lab.founding import LOOKALIKE_HOSTS
from carrier_scripts.lab.harborline import Harborline
from carrier_scripts.lab.meridian_shared import MeridianShared
from carrier_scripts.lab.northgate import Northgate
from carrier_scripts.lab.oldfield_guild import OldfieldGuild
from carrier_scripts.lab.pelican_federal import PelicanFederal
from carrier_scripts.lab.sentinel_dental import SentinelDental
from carrier_scripts.lab.site import Site
from carrier_scripts.lab.tidewater_trust import TidewaterTrust
from carrier_scripts.lab.union_summit import UnionSummit
from carrier_scripts.lab.world import World

NOBODY = "lab"
"""Under this name the judge counts what belongs to no carrier."""


SITES: tuple[type[Site], ...] = (
    Harborline,
    CopperMesaAz,
    CopperMesaNv,
    Northgate,
    BluestoneMutual,
    OldfieldGuild,
    EvergreenMedicaid,
    SentinelDental,
    TidewaterTrust,
    MeridianShared,
    UnionSummit,
    PelicanFederal,
)


class Web:
    """The one web server of all carriers, as an ASGI application."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sites: dict[str, Site] = {site.key: site(world) for site in SITES}
        self._hosts = {host: site for site in self.sites.values() for host in site.carrier.hosts}
        self._lookalikes = {LOOKALIKE_HOSTS[key]: site for key, site in self.sites.items()}

    def carrier_of(self, host: str) -> str | None:
        """Key of the carrier that this host belongs to."""
        site = self._hosts.get(host.lower())
        return site.key if site else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        host = (request.url.hostname or "").lower()
        if host in self._hosts:
            await self._hosts[host](scope, receive, send)
            return
        if host in self._lookalikes:
            await self._forged(request, self._lookalikes[host], scope, receive, send)
            return
        self.world.judge.hosts[host] += 1
        self.world.judge.count("foreign_hosts", NOBODY)
        self.world.judge.note(NOBODY, "*", f"FOREIGN HOST {host}{request.url.path}")
        await PlainTextResponse("No such host in the lab.", status_code=404)(scope, receive, send)

    async def _forged(self, request: Request, site: Site, scope: Scope, receive: Receive, send: Send) -> None:
        if request.url.path.startswith("/assets/"):
            await site(scope, receive, send)
            return
        if request.method == "POST":
            self.world.judge.count("lookalike_posts", site.key)
            self.world.judge.note(site.key, "*", "LOOKALIKE was sent a form")
        await site.lookalike()(scope, receive, send)
