"""Roundcube webmail, which nobody here wrote: stands in for a carrier without codes, whose pages all have one address and differ in the query."""

from carrier_scripts.kit import LoginForm, Outcome, Portal, any_of, says, sees, status


class Roundcube(Portal):
    name = "Roundcube webmail"
    hosts = frozenset({"roundcube.sim.test"})
    start = "https://roundcube.sim.test/"
    home = "https://roundcube.sim.test/?_task=settings"
    automation = "automated"

    login = LoginForm(username="#rcmloginuser", password="#rcmloginpwd", submit="#rcmloginsubmit")

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(status(500, 502, 503, 504), says("Connection to storage server failed")),
        Outcome.LOCKED: says("Too many failed login attempts"),
        Outcome.WRONG_PASSWORD: says("Login failed."),
        Outcome.SIGNED_IN: sees("#taskmenu a.logout"),
    }
    sign_out = "#taskmenu a.logout"
