"""Everything a carrier script may use."""

from carrier_scripts.kit.desk import Desk
from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.kit.page import Locator, Page
from carrier_scripts.kit.portal import Portal
from carrier_scripts.kit.signs import Sign, all_of, any_of, at, inside, says, sees, status
from carrier_scripts.kit.steps import Choice, CodeStep, Later, LoginForm

__all__ = [
    "Choice",
    "CodeStep",
    "Desk",
    "Later",
    "Locator",
    "LoginForm",
    "Outcome",
    "Page",
    "Portal",
    "Sign",
    "all_of",
    "any_of",
    "at",
    "inside",
    "says",
    "sees",
    "status",
]
