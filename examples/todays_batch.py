"""Send a CSV of appointments as one batch, watch it, and print each row's answer or why there is none. Columns as in appointments.csv."""

import csv
import os
import sys
from pathlib import Path

from portunus_client import Client, ExportedRow, Problem, Question, eligibility


def main(file: str) -> int:
    client = Client(os.environ.get("PORTUNUS_URL", "http://127.0.0.1:8400"), os.environ["PORTUNUS_API_KEY"])
    with Path(file).open(newline="", encoding="utf-8") as rows:
        questions: list[Question] = [
            eligibility(row["portal"], row["location"], member_id=row["member_id"], birth_date=row["birth_date"])
            for row in csv.DictReader(rows)
        ]
    try:
        batch = client.batch(f"Appointments of {Path(file).stem}", questions)
        for now in client.batch_events(batch["id"]):
            print(now["counts"], flush=True)
        why = {one["id"]: one["words"] for one in client.every(state="exceptions", batch_id=batch["id"])}
        for row in client.export(batch["id"]):
            print(f"row {row['row']}: {in_words(row, why)}")
    except Problem as no:
        print(no, file=sys.stderr)
        return 1
    return 0


def in_words(row: ExportedRow, why: dict[str, str]) -> str:
    """What is left of the year's maximum, or why nobody knows."""
    result = row["result"]
    if result is None or result["schema_version"] != "eligibility/1":
        return f"{row['state']}: {row['problem'] or why.get(row['lookup_id'] or '', '')}"
    left = [
        one["remaining"] for one in result["accumulators"] if one["kind"] == "annual_maximum" and "remaining" in one
    ]
    return f"{result['coverage']['status']}, {left[0] if left else 'not said'} left"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "examples/appointments.csv"))
