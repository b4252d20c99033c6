"""Copper Mesa Dental of Nevada. Arizona's pages, other rules: a mailed code that lives five minutes, computers remembered for a week."""

from carrier_scripts.families.copper_mesa import CopperMesaPortal
from carrier_scripts.kit import CodeStep


class CopperMesaNv(CopperMesaPortal):
    name = "Copper Mesa Dental of Nevada"
    hosts = frozenset({"coppermesa-nv.sim.test"})
    start = "https://coppermesa-nv.sim.test/Account/Login"
    home = "https://coppermesa-nv.sim.test/Office/Home"
    code = CodeStep(field="#VerificationCode", submit="#SubmitCode", remember="#RememberComputer")
