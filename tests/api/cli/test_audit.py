"""`portunus audit`: a file that cannot be written is one sentence, and nothing is said to have been exported."""

import json

from sqlalchemy import func, select

from broker.audit import verify
from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import system


def exports(portunus) -> int:
    with portunus.reading(system("test")) as work:
        return work.db.scalar(select(func.count()).where(AuditEntry.act == Act.LOG_EXPORTED.value))


def test_an_export_to_a_folder_that_is_not_there_is_one_sentence_and_is_not_recorded(shell, portunus, tmp_path):
    said = shell("audit", "export", "-o", str(tmp_path / "none" / "log"))
    assert said.code == 2
    assert said.errors.endswith("log cannot be written (No such file or directory): choose another file with -o.")
    assert exports(portunus) == 0


def test_a_proof_to_a_folder_is_one_sentence(shell, tmp_path):
    said = shell("audit", "prove", "--code-request", "cod_1", "-o", str(tmp_path))
    assert (said.code, "cannot be written (Is a directory)" in said.errors) == (2, True)


def test_an_export_is_recorded_and_can_be_checked(shell, portunus, tmp_path):
    file = tmp_path / "log.jsonl"
    said = shell("audit", "export", "-o", str(file))
    assert (said.code, exports(portunus)) == (0, 1)
    assert verify.main([str(file)]) == 0


def test_an_export_to_standard_output_is_the_log_and_nothing_else(shell):
    said = shell("audit", "export")
    assert all(line.startswith("{") for line in said.out.splitlines())
    assert len(said.out.splitlines()) > 1


def test_a_check_says_as_json_whether_the_log_is_accepted(shell, tmp_path):
    file = tmp_path / "log.jsonl"
    shell("audit", "export", "-o", str(file))
    good = shell("audit", "verify", str(file), "--json")
    file.write_bytes(file.read_bytes().replace(b"audit_log", b"audit_lag", 1))
    changed = shell("audit", "verify", str(file), "--json")
    assert (good.code, json.loads(good.out)["accepted"]) == (0, True)
    assert (changed.code, json.loads(changed.out)["accepted"]) == (1, False)
    assert json.loads(changed.out)["words"].startswith("REJECTED: ")


def test_a_check_of_no_file_is_one_sentence(shell, tmp_path):
    said = shell("audit", "verify", str(tmp_path / "none"))
    assert (said.code, said.errors) == (2, "REJECTED: the file cannot be read (FileNotFoundError)")
