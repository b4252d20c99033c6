"""Node-RED, which nobody here wrote: stands in for a carrier whose one page draws everything by script, its sign-in a dialog over it."""

from carrier_scripts.kit import Desk, LoginForm, Outcome, Page, Portal, sees, status


class NodeRed(Portal):
    name = "Node-RED"
    hosts = frozenset({"node-red.sim.test"})
    start = "https://node-red.sim.test/"
    home = "https://node-red.sim.test/"
    automation = "automated"

    login = LoginForm(
        username="#node-dialog-login-username",
        password="#node-dialog-login-password",
        submit="#node-dialog-login-submit",
    )

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: status(500, 502, 503, 504),
        Outcome.WRONG_PASSWORD: sees("#node-dialog-login-failed"),
        Outcome.SIGNED_IN: sees("#red-ui-header-button-user"),
    }
    sign_out = "#usermenu-item-logout"

    async def log_out(self, page: Page, desk: Desk) -> Outcome:
        """The button is in the user's menu."""
        await page.locator("#red-ui-header-button-user").click()
        return await super().log_out(page, desk)
