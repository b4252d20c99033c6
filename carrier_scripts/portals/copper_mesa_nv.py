"""Copper Mesa Dental of Nevada. Arizona's pages, other rules: a mailed code that lives five minutes, computers remembered for
a week, and benefits that the page asks for after it has loaded."""

from carrier_scripts.families.copper_mesa import ACTIVE, CopperMesaPortal, member_and_group
from carrier_scripts.kit import Answer, CodeStep, Page, amounts, said, shares, words


class CopperMesaNv(CopperMesaPortal):
    name = "Copper Mesa Dental of Nevada"
    hosts = frozenset({"coppermesa-nv.sim.test"})
    start = "https://coppermesa-nv.sim.test/Account/Login"
    home = "https://coppermesa-nv.sim.test/Office/Home"
    code = CodeStep(field="#VerificationCode", submit="#SubmitCode", remember="#RememberComputer")
    reads = (*CopperMesaPortal.reads, "/Office/Benefits*", "/Office/BenefitData/*")

    async def read_benefits(self, page: Page, answer: Answer) -> None:
        await page.locator("#BenefitPanel[aria-busy=false]").wait_for()
        told = await page.locator("#AmountGrid").read_pairs()
        member, coverage = member_and_group(await page.locator("#lblPatient").read(), told.take("Group"))
        answer.result["patient"] = member | {"member_id": words(await page.locator("#lblSubscriber").read())}
        answer.result["coverage"] = coverage | {"status": answer.known("Status", told.take("Status"), ACTIVE)}
        limit, met = told.take("Deductible"), told.take("Deductible met")
        yearly = told.take("Annual maximum")
        answer.result["accumulators"] = [
            {
                "kind": said("annual_maximum", yearly),
                **amounts(yearly, told.take("Used"), told.take("Remaining"), yearly, answer),
            },
            {"kind": said("deductible", limit), **amounts(limit, met, None, limit, answer)},
        ]
        for label, value in told.rest():
            answer.unplaced(label, value)
        cover = (await page.locator("#BenefitGrid").read_table()).expect(
            "Category", "Plan pays", "Deductible", "Waiting period"
        )
        answer.result["benefits"] = shares(
            cover, answer, {"Plan pays": None}, deductible="Deductible", waiting="Waiting period"
        )
