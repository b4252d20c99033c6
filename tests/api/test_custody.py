"""The page to print: what it shows of the log is what the proof file proves."""

import json
import re

import pytest

from broker.audit import service as audit
from broker.audit import verify
from broker.audit.acts import Act
from broker.base.actor import system
from tests import factories

REQUEST = "cod_" + "1" * 32


@pytest.fixture
def auditor(portunus, signed_in):
    """Compliance, and one code request in the log."""
    with portunus.unit(system("test")) as work:
        org = factories.organization(work)
        phoenix = factories.location(work, org)
        account = factories.account(work, factories.portal(work), [phoenix])
        user = factories.user(work, org, "Audrey Auditor", role="compliance", locations=[phoenix])
        told = {"channel": "sms", "attempt": "lat_1", "lease": "lea_1", "for_kind": "user", "for_name": "Maria Lopez"}
        where = {"account_id": account.id, "location_id": phoenix.id}
        audit.record(work, Act.CODE_REQUESTED, "code_request", REQUEST, detail=told, **where)
        audit.record(work, Act.CODE_RELEASED, "code_request", REQUEST, **where)
    return signed_in(user)


def test_the_page_shows_leaf_hashes_paths_and_the_signed_head_and_they_fit(auditor, portunus):
    page = auditor.get(f"/code-requests/{REQUEST}").text.replace("&#43;", "+")
    note = re.search(r"<pre class=\"sample-text\">(.*?)</pre>", page, re.S).group(1)
    with portunus.unit(system("test")) as work:
        verifier = audit.log_key(work, portunus.keyring).verifier
    size, root = verify.open_checkpoint(note, verifier)
    rows = re.findall(r'data-label="Entry">(\d+)</td>\s*<td data-label="Leaf hash">(.*?)</tr>', page, re.S)
    assert len(rows) == 2
    for index, cells in rows:
        leaf, *path = [bytes.fromhex(found) for found in re.findall(r"<code>(\w{64})</code>", cells)]
        assert verify.root_from_path(leaf, int(index), size, path) == root


def test_the_hashes_on_paper_are_those_of_the_proof_file(auditor):
    lines = [json.loads(line) for line in auditor.get(f"/code-requests/{REQUEST}/proof").text.splitlines()]
    page = auditor.get(f"/code-requests/{REQUEST}").text
    leaves = [verify.leaf_hash(line["leaf"].encode()).hex() for line in lines if line["kind"] == "proof"]
    assert len(leaves) == 2
    assert [leaf for leaf in leaves if leaf not in page] == []
