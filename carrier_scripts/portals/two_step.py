"""Django's administration behind django-two-factor-auth, which nobody here wrote: stands in for a carrier whose codes come from an authenticator."""

from carrier_scripts.kit import CodeStep, LoginForm, Outcome, Portal, says, sees, status


class TwoStep(Portal):
    name = "Django administration, two-factor"
    hosts = frozenset({"two-step.sim.test"})
    start = "https://two-step.sim.test/account/login/?next=/admin/"
    home = "https://two-step.sim.test/admin/"
    automation = "automated"

    login = LoginForm(
        username="input[name=auth-username]", password="input[name=auth-password]", submit="button.btn-primary"
    )
    code = CodeStep(
        field="input[name=token-otp_token]", remember="input[name=token-remember]", submit="button.btn-primary"
    )

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: status(500, 502, 503, 504),
        Outcome.WRONG_PASSWORD: says("Please enter a correct username and password"),
        Outcome.WRONG_CODE: says("Invalid token."),
        Outcome.ASKS_CODE: sees("input[name=token-otp_token]"),
        Outcome.SIGNED_IN: sees("#user-tools #logout-form"),
    }
    sign_out = "#logout-form button"
