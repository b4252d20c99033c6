"""Every shipped shape finds the code in its sender's own wording, and nothing in what carriers write besides."""

import pytest

from broker.codes import matching, templates
from broker.codes.matching import Rule, find_codes
from broker.codes.shapes import SHAPES, Shape

BESIDES = (
    "Claim 771204 was paid on 11/21/2026: $482.13. Call 1-602-555-0142.",
    "Earn 300000 points this month. Reply STOP to 22395.",
    "Your appointment 551203 is at 10:30.",
)


def test_there_are_at_least_twelve_senders() -> None:
    assert len({shape.key for shape in SHAPES}) == len(SHAPES) >= 12


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.key)
def test_a_shape_is_a_template_that_can_be_saved(shape: Shape) -> None:
    assert templates.checked(shape.rule) == shape.rule
    assert shape.source.startswith("https://")
    assert shape.samples


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.key)
def test_it_finds_exactly_the_code_in_its_senders_wording(shape: Shape) -> None:
    rule = Rule.of(shape.rule)
    for message, code in shape.samples:
        subject, _, text = message.partition("\n") if shape.channel == "email" else ("", "", message)
        assert [found.code for found in find_codes(subject, text, rule)] == [code]
        assert matching.well_formed(code, rule)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.key)
def test_it_finds_nothing_in_other_messages(shape: Shape) -> None:
    assert [find_codes("", text, Rule.of(shape.rule)) for text in BESIDES] == [[], [], []]
