"""A new carrier script to fill in: the script, its behaviour record and the folder of its saved pages."""

import json
from pathlib import Path

from carrier_scripts.behaviour_fields import FIELDS
from carrier_scripts.check import HERE, KEY, PAGES
from carrier_scripts.kit.process import class_name
from carrier_scripts.walk import Walk

SCRIPT = '''"""{name}. How its codes come; what is odd about it."""

from carrier_scripts.kit import CodeStep, LoginForm, Outcome, Portal, at, says, sees


class {cls}(Portal):
    name = "{name}"
    hosts = frozenset({{{hosts}}})  # every host the browser needs; no other can be reached
    start = {start}
    home = {home}  # a cheap page that only a signed-in user sees
    automation = "attended"  # until the carrier's terms are known to allow more

    login = LoginForm(username={username}, password={password}, submit={submit})
    code = CodeStep(field={code}, submit={verify})
    practice = ("#practice-name",)
    sign_out = "#sign-out"

    signs = {{  # read from the top; the first that shows wins
        Outcome.LOCKED: says("locked"),
        Outcome.WRONG_PASSWORD: sees("#error"),
        Outcome.WRONG_CODE: says("code is not correct"),
        Outcome.ASKS_CODE: sees({code}),
        Outcome.SIGNED_IN: at("/home"),
    }}
'''
RECORD = """# Behaviour record of {name}: what is known, where it was read, and when. Unknown fields stay commented out.
# field = {{ value = …, source = "page or person", verified_on = 2026-01-31 }}

{fields}
[code_template]
# senders = ["security@portal.example.test"]
# subject = "Your code"
# context = ["your code is"]
pattern = '\\d{{6}}'
"""


def quoted(text: str) -> str:
    """As a Python literal in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def create(key: str, *, scripts: Path = HERE, pages: Path = PAGES, walk: Walk | None = None) -> list[Path]:
    """Write the three, with what a recorded walk shows. Raises ValueError for a key that is no file name of ours, FileExistsError when it is taken."""
    if not KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key: use lower case letters, digits and underscores, such as harbor_dental.")
    script, record = scripts / "portals" / f"{key}.py", scripts / "behaviour" / f"{key}.toml"
    for file in (script, record):
        if file.exists():
            raise FileExistsError(f"{file.name} exists already; choose another key or edit it.")
    name = " ".join(part.capitalize() for part in key.split("_"))
    fields = "".join(
        f'# {field} = {{ value = , source = "", verified_on =  }}  # {meaning}\n'
        for field, (_, meaning) in FIELDS.items()
    )
    for folder in (script.parent, record.parent, pages / key):
        folder.mkdir(parents=True, exist_ok=True)
    seen = walk or Walk()
    text = SCRIPT.format(
        name=name,
        cls=class_name(key),
        hosts=", ".join(quoted(host) for host in seen.hosts or ["portal.example.test"]),
        start=quoted(seen.start or "https://portal.example.test/signin"),
        home=quoted(seen.home or "https://portal.example.test/home"),
        username=quoted(seen.username or "#username"),
        password=quoted(seen.password or "#password"),
        submit=quoted(seen.submit or "#sign-in"),
        code=quoted(seen.code or "#code"),
        verify=quoted(seen.verify or "#verify"),
    )
    script.write_text(text, encoding="utf-8")
    record.write_text(RECORD.format(name=name, fields=fields), encoding="utf-8")
    return [script, record, pages / key]
