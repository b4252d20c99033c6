"""Rules that keep the house in order: what must be documented is, what must not be committed is not."""

import subprocess
from pathlib import Path

import pytest

from broker.audit.acts import Act
from broker.base.settings import Settings

ROOT = Path(__file__).parents[1]
LISTED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
TRACKED = [name for name in LISTED if (ROOT / name).is_file()]
SOURCES = [
    name
    for name in TRACKED
    if name.endswith(".py") and name.split("/")[0] in {"broker", "api", "workers", "carrier_scripts"}
]


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")


def test_every_act_is_recorded_somewhere() -> None:
    code = "".join((ROOT / name).read_text(encoding="utf-8") for name in SOURCES if not name.endswith("audit/acts.py"))
    assert [act.name for act in Act if f"Act.{act.name}" not in code] == []


@pytest.mark.parametrize(
    "needle", ["/sim" + "ple/", "index" + "-url", "pypi" + ".org", "registry.npmjs" + ".org", str(ROOT.parent) + "/"]
)
def test_nothing_committed_names_a_registry_or_this_machine(needle: str) -> None:
    found = [
        name
        for name in TRACKED
        if not name.endswith((".png", ".woff2"))
        and needle in (ROOT / name).read_text(encoding="utf-8", errors="ignore")
    ]
    assert found == []


LONGER = {"broker/audit/verify.py": 600}
"""An outsider is handed one file that needs no other."""


def test_no_source_file_passes_500_lines() -> None:
    assert [
        name
        for name in SOURCES
        if "/versions/" not in name
        and len((ROOT / name).read_text(encoding="utf-8").splitlines()) > LONGER.get(name, 500)
    ] == []


def test_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 100


def test_the_product_never_claims_compliance() -> None:
    claim = "HIPAA " + "compliant"
    assert [
        name
        for name in TRACKED
        if name.endswith((".py", ".md", ".html", ".js"))
        and claim.lower() in (ROOT / name).read_text(encoding="utf-8").lower()
    ] == []
