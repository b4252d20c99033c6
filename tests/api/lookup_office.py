"""What the tests of lookups ask, and a sheet of it."""

QUESTION = {
    "kind": "eligibility",
    "portal": "harborline",
    "location": "phoenix",
    "member_id": "HD100042731",
    "birth_date": "1984-03-17",
}
CSV = b"Patient,Member ID,DOB\nAda,HD100042731,03/17/1984\nBo,HD100042732,never\n"
