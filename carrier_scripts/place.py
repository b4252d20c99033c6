"""Where scripts are looked for: in a folder of one's own (the setting `scripts_dir`), then among those that came with Portunus.

That folder holds `portals/`, `families/`, `behaviour/` and `pages/`, and may be a git repository. Nothing in it runs for the
office by lying there: it is handed in, and somebody else approves it.
"""

import os
from pathlib import Path

SHIPPED = Path(__file__).parent
SETTING = "PORTUNUS_SCRIPTS_DIR"


def folder() -> Path:
    """What commands work on: the folder of one's own, if there is one."""
    named = os.environ.get(SETTING, "")
    return Path(named).expanduser().absolute() if named else SHIPPED


def holding(key: str) -> Path:
    """The folder that has this script, one's own first."""
    own = folder()
    return own if (own / "portals" / f"{key}.py").is_file() else SHIPPED


def pages(scripts: Path) -> Path:
    """Where the saved pages of a folder's scripts are."""
    return SHIPPED.parent / "tests" / "portals" if scripts == SHIPPED else scripts / "pages"


def saved(key: str) -> Path:
    """Where a portal's saved pages are, wherever its script is kept: in one's own folder, if they are not among the shipped ones alone."""
    own, shipped = pages(folder()) / key, pages(SHIPPED) / key
    return shipped if any(shipped.glob("*.html")) and not any(own.glob("*.html")) else own


def shown(path: Path) -> str:
    """A path as it is told: from where Portunus is installed, or from the folder of one's own."""
    for root in (SHIPPED.parent, folder()):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.as_posix()
