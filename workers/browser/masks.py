"""Secret fields are never in a frame: dots over passwords, one-time codes, and whatever the desk typed a secret into.

What was a password once stays covered: shown by the page, cloned, or put into another field beside it. A field whose name
merely has "code" in it (of a procedure, a place, a diagnosis) is an ordinary one.
"""

import json
import re
from pathlib import Path

from playwright.async_api import BrowserContext

from workers.browser.fields import Field
from workers.browser.live import LiveSession

SELECTORS = (
    "input[type=password]",
    'input[autocomplete~="one-time-code" i]',
    'input[autocomplete~="current-password" i]',
    'input[autocomplete~="new-password" i]',
)
"""How a page itself says that a field is one."""
WORDS = tuple(
    re.findall(
        r"\w+",
        """otp totp passcode password passwd passphrase onetimecode onetimepin mfacode mfatoken mfapin twofactorcode otc
        verificationcode verifycode securitycode authcode authenticationcode authenticatorcode authorizationpin
        smscode textcode accesscode logincode signincode challengecode tokencode""",
    )
)
"""Words of a name or id, or several of them that stand together, that only such fields have: "verification_code", not "zipCode"."""
WHOLE = ("code", "mfa", "pin", "pwd")
"""What alone is a name of such a field, and beside another word is not: "code", not "procedure_code"."""
MASK = (Path(__file__).with_name("inside") / "mask.js").read_text(encoding="utf-8")
MARK = """field => {
  field.style.setProperty('-webkit-text-security', 'disc', 'important');
  const named = ['name', 'id'].filter(what => field.getAttribute(what)).map(what => `[${what}="${CSS.escape(field.getAttribute(what))}"]`);
  return [location.hostname, named];
}"""


async def put_on(context: BrowserContext) -> None:
    """Mask every document of this context, frames of other hosts too. Before its first page."""
    await context.add_init_script(_mask(SELECTORS))


async def keep_secret(live: LiveSession, field: Field) -> None:
    """This field holds a secret from now on: here, and by its name in every later document of this host.

    Raises Playwright's `Error` when the field is gone: then nothing may be typed into it.
    """
    host, named = await field.evaluate(MARK)
    selectors = [f"input{one}" for one in named]
    if selectors:
        await live.context.add_init_script(
            f"if (location.hostname === {json.dumps(host)}) {{ {_mask((*SELECTORS, *selectors))} }}"
        )


def _mask(selectors: tuple[str, ...]) -> str:
    return f"({MASK})({json.dumps({'selectors': selectors, 'words': WORDS, 'whole': WHOLE})})"
