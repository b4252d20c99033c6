"""Send a CSV of appointments as one batch, watch it, and print what needs a person. Columns as in appointments.csv."""

import csv
import os
import sys
import time
from pathlib import Path

from portunus_client import Client, Problem, Question, eligibility


def main(file: str) -> int:
    client = Client(os.environ.get("PORTUNUS_URL", "http://127.0.0.1:8400"), os.environ["PORTUNUS_API_KEY"])
    with Path(file).open(newline="", encoding="utf-8") as rows:
        questions: list[Question] = [
            eligibility(row["portal"], row["location"], member_id=row["member_id"], birth_date=row["birth_date"])
            for row in csv.DictReader(rows)
        ]
    try:
        batch = client.batch(f"Appointments of {Path(file).stem}", questions)
        for problem in batch["problems"]:
            print(f"row {problem['row']}: {problem['words']}")
        while batch["counts"].get("queued", 0) + batch["counts"].get("running", 0):
            time.sleep(1)  # noqa: TID251 - a program that waits
            batch = client.batch_state(batch["id"])
            print(batch["counts"])
    except Problem as no:
        print(no, file=sys.stderr)
        return 1
    for row in client.every(state="exceptions"):
        print(f"{row['id']}: {row['words']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "examples/appointments.csv"))
