"""Copper Mesa Dental of Arizona. One login for the whole practice, a 90-second SMS code every time, newest sign-in wins."""

from carrier_scripts.families.copper_mesa import CopperMesaPortal


class CopperMesaAz(CopperMesaPortal):
    name = "Copper Mesa Dental of Arizona"
    hosts = frozenset({"coppermesa-az.sim.test"})
    start = "https://coppermesa-az.sim.test/Account/Login"
    home = "https://coppermesa-az.sim.test/Office/Home"
