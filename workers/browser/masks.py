"""Secret fields are never in a frame: dots over passwords, one-time codes, and whatever the desk typed a secret into."""

import json
from pathlib import Path

from playwright.async_api import BrowserContext

from workers.browser.fields import Field
from workers.browser.live import LiveSession

SELECTORS = (
    "input[type=password]",
    'input[autocomplete~="one-time-code" i]',
    'input[autocomplete~="current-password" i]',
    'input[autocomplete~="new-password" i]',
    'input[name="code" i]',
    'input[id="code" i]',
    'input[name*="otp" i]',
    'input[id*="otp" i]',
    'input[name*="passcode" i]',
    'input[id*="passcode" i]',
    'input[name*="verificationcode" i]',
    'input[name*="verification_code" i]',
    'input[name*="verification-code" i]',
)
"""What portals call such fields; the desk adds the ones it typed into, whatever they are called."""
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
    return f"({MASK})({json.dumps({'selectors': selectors})})"
