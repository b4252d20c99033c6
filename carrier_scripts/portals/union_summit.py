"""Union Summit Health. One page that draws itself: ID, password, a choice of methods, code, TIN; a cookie banner comes late over it."""

from carrier_scripts.kit import (
    Choice,
    CodeStep,
    LoginForm,
    Method,
    Outcome,
    Overlay,
    Portal,
    Touch,
    any_of,
    sees,
    status,
)


class UnionSummit(Portal):
    name = "Union Summit Health"
    hosts = frozenset({"unionsummit.sim.test"})
    start = "https://unionsummit.sim.test/app/signin"
    home = "https://unionsummit.sim.test/app/home"
    automation = "assisted"

    login = LoginForm(
        username="us-field[field=identifier] input",
        next="#go-identifier",
        password="us-field[field=secret] input",
        submit="#go-password",
    )
    code = CodeStep(field="us-field[field=passcode] input", submit="#go-code")
    between = (
        Method(
            sees("#method-passkey"),
            buttons={
                "sms": "#method-sms",
                "voice": "#method-voice",
                "totp": "#method-totp",
                "passkey": "#method-passkey",
            },
        ),
        Choice("practice", options="label.tin", submit="#go-office"),
        Touch("#said-passkey"),
    )
    overlays = (Overlay("#cookies", button="#cookies-needed"),)
    practice = ("#office-name", "#office-tin")
    sign_out = "#sign-out"

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.LOCKED: any_of(sees("#said-locked"), sees("#said-disabled")),
        Outcome.WRONG_PASSWORD: sees("#not-recognized"),
        Outcome.PASSWORD_EXPIRED: sees("#said-expired"),
        Outcome.SIGNED_OUT: any_of(sees("#said-timeout"), sees("#said-signout"), sees("#session-stale")),
        Outcome.NEEDS_PERSON: sees("#recovery-code"),
        Outcome.CODE_LATE: sees("#code-too-old"),
        Outcome.WRONG_CODE: sees("#code-no-match"),
        Outcome.ASKS_CODE: sees("us-field[field=passcode] input"),
        Outcome.SIGNED_IN: sees("#signed-in-as"),
    }
