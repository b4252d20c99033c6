"""What other features, the command line and the web call. Each subject is in a file of its own; this is the door."""

from broker.identity.keys import actor_of_key, create_api_key, revoke_api_key
from broker.identity.links import create_link, peek_link, use_link
from broker.identity.logins import actor_of as actor_of_login
from broker.identity.logins import end as end_login
from broker.identity.logins import end_all as end_all_logins
from broker.identity.logins import login_of, seen, standing, still_counts
from broker.identity.people import (
    create_service_account,
    create_user,
    disable_user,
    find_service_account,
    find_user,
    give_grant,
    normal_email,
    revoke_grant,
)
from broker.identity.second_factor import confirm_second_factor, offer_second_factor, reset_second_factor, second_factor
from broker.identity.sign_in import begin_sign_in, change_password, finish_sign_in, next_step

__all__ = [
    "actor_of_key",
    "actor_of_login",
    "begin_sign_in",
    "change_password",
    "confirm_second_factor",
    "create_api_key",
    "create_link",
    "create_service_account",
    "create_user",
    "disable_user",
    "end_all_logins",
    "end_login",
    "find_service_account",
    "find_user",
    "finish_sign_in",
    "give_grant",
    "login_of",
    "next_step",
    "normal_email",
    "offer_second_factor",
    "peek_link",
    "reset_second_factor",
    "revoke_api_key",
    "revoke_grant",
    "second_factor",
    "seen",
    "standing",
    "still_counts",
    "use_link",
]
