"""Ask one carrier for one patient's coverage, wait, and print the values that matter with where each was seen."""

import os
import sys

from portunus_client import Client, Problem, coverage_of, eligibility


def main() -> int:
    client = Client(os.environ.get("PORTUNUS_URL", "http://127.0.0.1:8400"), os.environ["PORTUNUS_API_KEY"])
    try:
        asked = client.submit(eligibility("harborline", "phoenix", member_id="HD100042731", birth_date="1984-03-17"))
        print(f"{asked['id']}: {asked['state']}")
        done = client.wait(asked["id"])
    except (Problem, TimeoutError) as no:
        print(no, file=sys.stderr)
        return 1
    result = coverage_of(done)
    if result is None:
        print(f"{done['state']}: {done['words']}", file=sys.stderr)
        return 1
    proof = result["provenance"]["fields"]
    print(f"coverage: {result['coverage']['status']}  ({proof['/coverage/status'][0]['raw_text']!r})")
    for number, one in enumerate(result["accumulators"]):
        if "remaining" in one:
            seen = proof[f"/accumulators/{number}/remaining"][0]
            print(
                f"{one['kind']}, {one['level']}: {one['remaining']} left  ({seen.get('page')}, {seen.get('selector')})"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
