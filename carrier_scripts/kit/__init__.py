"""Everything a carrier script may use."""

from carrier_scripts.kit.benefits import accumulators, amounts, shares
from carrier_scripts.kit.claims import ServiceLines, explanation, remittance
from carrier_scripts.kit.desk import Desk
from carrier_scripts.kit.lookups import Answer, Asked, NoAnswer
from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.kit.page import Locator, Page
from carrier_scripts.kit.paging import every_row
from carrier_scripts.kit.portal import Portal
from carrier_scripts.kit.reading import (
    PageChanged,
    Pairs,
    Row,
    Seen,
    Table,
    Value,
    day,
    meaning,
    money,
    need,
    part,
    percent,
    said,
    whole,
    words,
)
from carrier_scripts.kit.signs import Sign, all_of, any_of, at, inside, says, sees, status
from carrier_scripts.kit.steps import (
    Approval,
    Choice,
    CodeStep,
    Later,
    LoginForm,
    Method,
    Overlay,
    Question,
    Recovery,
    Touch,
)

__all__ = [
    "Answer",
    "Approval",
    "Asked",
    "Choice",
    "CodeStep",
    "Desk",
    "Later",
    "Locator",
    "LoginForm",
    "Method",
    "NoAnswer",
    "Outcome",
    "Overlay",
    "Page",
    "PageChanged",
    "Pairs",
    "Portal",
    "Question",
    "Recovery",
    "Row",
    "Seen",
    "ServiceLines",
    "Sign",
    "Table",
    "Touch",
    "Value",
    "accumulators",
    "all_of",
    "amounts",
    "any_of",
    "at",
    "day",
    "every_row",
    "explanation",
    "inside",
    "meaning",
    "money",
    "need",
    "part",
    "percent",
    "remittance",
    "said",
    "says",
    "sees",
    "shares",
    "status",
    "whole",
    "words",
]
