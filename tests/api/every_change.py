"""Which test makes which changing route succeed (threats.md AL13): each is run at least once and leaves its entry.

A route that is not named here, and a named test in which its route leaves no entry by the right person, fail. Each test
is looked at by itself, so that it does not matter which process runs it.
"""

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from tests.api.on_record import CHANGING, name_of

DRIVEN = {
    "test_accounts.py": {
        "test_recovery_codes_are_stored_and_never_shown": ("account_codes.by_recovery_code",),
        "test_a_login_gets_the_name_that_people_call_it": (
            "accounts.add",
            "accounts.label",
            "accounts.label_form",
        ),
        "test_a_login_signs_in_by_itself_at_the_time_that_is_set": (
            "accounts.early_form",
            "accounts.early_sign_in",
        ),
        "test_the_page_adds_the_same_and_says_so": ("accounts.add_form",),
        "test_release_needs_words_and_brings_it_back": ("accounts.release",),
        "test_the_plain_form_releases_it_too": ("accounts.release_form",),
        "test_security_answers_are_stored_beside_each_other_and_never_shown": (
            "accounts.replace",
            "accounts.replace_form",
        ),
    },
    "test_channel_kinds.py": {
        "test_guessing_a_code_ends_after_ten_tries": ("channel_kinds.try_authenticator",),
        "test_a_question_is_known_or_not_and_its_answer_stays": ("channel_kinds.try_question",),
    },
    "test_channels.py": {
        "test_an_otpauth_address_says_algorithm_and_digits": ("account_codes.by_authenticator",),
        "test_no_number_is_used_before_it_is_said_what_its_messages_look_like[voice]": ("account_codes.by_call",),
        "test_a_login_goes_back_to_the_code_desk": ("account_codes.by_hand",),
        "test_a_mistyped_address_is_put_right_and_the_login_shows_it": (
            "account_codes.by_mail",
            "channels.add_mailbox",
            "channels.change",
            "code_templates.save",
        ),
        "test_a_login_gets_its_code_from_a_number": (
            "account_codes.by_text",
            "channels.add_phone",
        ),
        "test_a_security_answer_is_stored_beside_the_others": ("account_codes.security_question",),
        "test_a_channel_that_no_login_uses_is_removed_with_its_password": ("channels.remove",),
    },
    "test_client.py": {
        "test_a_batch_is_heard_and_taken_home": (
            "lookup_batches.change",
            "lookup_batches.create",
        ),
        "test_webhooks_come_and_go": (
            "lookup_batches.subscribe",
            "lookup_batches.unsubscribe",
        ),
        "test_what_waits_for_a_person_goes_on": (
            "lookups.cancel",
            "lookups.retry",
            "lookups.submit",
        ),
    },
    "test_codes.py": {
        "test_who_calls_the_provider_line_is_seen_by_the_others_until_the_call_ends": ("codes.call",),
        "test_the_plain_form_begins_a_call": ("codes.call_form",),
        "test_a_phone_called_gone_is_back_when_the_portal_takes_its_code": (
            "codes.decline",
            "codes.give",
        ),
        "test_the_plain_form_does_the_same": ("codes.decline_form",),
        "test_the_plain_form_gives_the_code": ("codes.give_form",),
    },
    "test_covered_tabs.py": {
        "test_ones_own_password_uncovers_it": ("tabs.unlock",),
    },
    "test_desk_links.py": {
        "test_whoever_has_the_link_gives_the_code_once": (
            "desk_links.give",
            "desk_links.make",
            "tabs.open_tab",
        ),
        "test_the_plain_form_shows_the_link_once": ("desk_links.make_form",),
        "test_an_administrator_sets_the_order_on_a_page": ("on_call.set_order",),
    },
    "test_enrolments.py": {
        "test_one_asks_and_another_approves": (
            "enrolments.ask",
            "enrolments.decide",
        ),
    },
    "test_failed_sign_ins.py": {
        "test_the_words_of_the_page_are_given_to_nobody": ("failed_sign_ins.show",),
    },
    "test_hooks.py": {
        "test_twilios_own_signature_is_accepted": ("hooks.sms",),
    },
    "test_locations.py": {
        "test_changed_location_keeps_its_short_name_and_drops_emptied_lines": (
            "locations.add",
            "locations.change",
        ),
    },
    "test_login.py": {
        "test_link_of_an_administrator_leads_through_password_and_second_factor": (
            "login.choose_password",
            "login.enrol",
            "login.follow_link",
            "login.new_second_factor",
        ),
        "test_every_step_is_in_the_audit_log": (
            "login.password",
            "login.show_code",
            "login.sign_out",
        ),
        "test_changed_password_ends_the_other_sign_ins": ("me.change_password",),
        "test_own_sign_ins_can_be_ended": ("me.end",),
        "test_who_has_no_second_factor_sets_one_up_on_ones_own_page": (
            "me.enrol",
            "me.new_second_factor",
        ),
    },
    "test_lookup_evidence.py": {
        "test_whoever_may_see_the_lookup_plays_its_moments_for_a_reason": ("lookup_pictures.moments",),
    },
    "test_lookup_files.py": {
        "test_a_batch_whose_rows_need_somebody_is_asked_again_as_a_whole": ("lookup_files.change_batch",),
        "test_a_batch_takes_answers_from_before": (
            "lookup_files.start_batch",
            "lookup_files.upload",
            "lookup_pages.ask",
        ),
    },
    "test_lookup_pages.py": {
        "test_a_failure_that_is_asked_anew_is_put_away": ("lookup_pages.change",),
    },
    "test_mailbox_consent.py": {
        "test_asked_again_the_question_before_no_longer_counts": (
            "mailbox_consent.add_mailbox",
            "mailbox_consent.ask_again",
        ),
    },
    "test_people.py": {
        "test_key_is_shown_once_and_revoked_at_once": (
            "people.automate",
            "people.new_key",
            "people.revoke_key",
        ),
        "test_disabled_person_is_enabled_again_and_signs_in_anew": (
            "people.disable",
            "people.enable",
        ),
        "test_a_second_role_is_given_and_shown": ("people.give",),
        "test_fields_nobody_asked_for_are_ignored": ("people.invite",),
        "test_an_account_of_the_machines_shell_is_entered_and_shown": ("people.name_at_shell",),
        "test_who_lost_the_first_link_gets_another_shown_once": ("people.new_link",),
        "test_who_lost_the_telephone_has_no_second_factor_after_the_reset": ("people.reset",),
        "test_taken_back_role_bites_at_the_next_request": ("people.revoke",),
    },
    "test_recordings.py": {
        "test_playing_needs_a_reason_on_the_page_and_as_data": ("recordings.messages",),
        "test_a_recording_is_found_by_what_came_up_in_it_and_the_log_says_only_that_somebody_looked": (
            "recordings.search",
            "recordings.search_data",
        ),
        "test_a_recording_is_kept_longer_when_who_governs_them_says_why": ("recordings_kept.classify",),
        "test_a_hold_is_set_and_lifted_on_the_page_by_who_governs_recordings": (
            "recordings_kept.hold",
            "recordings_kept.lift",
        ),
    },
    "test_recordings_films.py": {
        "test_a_film_is_asked_for_made_and_saved_by_who_asked": ("recordings_films.ask", "recordings_films.ticket"),
        "test_the_page_asks_for_it_and_tells_how_far_it_is": ("recordings_films.ask_form",),
    },
    "test_script_tryouts.py": {
        "test_the_text_as_it_stands_goes_to_the_host_with_what_she_typed": ("script_tryouts.begin",),
        "test_the_text_as_it_stands_goes_to_the_host_for_the_saved_pages": ("script_tryouts.on_saved_pages",),
    },
    "test_script_pins.py": {
        "test_an_unpinned_login_runs_the_version_in_force_again": (
            "scripts.pin",
            "scripts.unpin",
        ),
    },
    "test_scripts.py": {
        "test_a_changed_page_is_accepted_by_a_maintainer": ("script_health.accept",),
        "test_a_maintainer_has_the_sign_in_page_looked_at_now": ("script_health.look",),
        "test_an_alert_that_somebody_looks_after_is_gone_from_the_board": ("script_health.seen",),
        "test_a_sibling_builds_on_a_family_that_is_in_force": ("script_new.hand_in",),
        "test_a_release_that_has_worked_once_is_taken_one_stage_further": ("scripts.advance",),
        "test_a_version_is_withdrawn_from_its_release_on_the_page": (
            "scripts.approve",
            "scripts.refuse",
            "scripts.release",
            "scripts.submit",
        ),
        "test_a_known_fact_of_a_portal_is_corrected_with_its_source": ("scripts.behaviour",),
        "test_a_scripts_owner_is_named_on_its_page": ("scripts.owner",),
        "test_a_script_is_changed_handed_in_read_approved_and_released_by_two_people": ("scripts.roll_back",),
        "test_terms_forbid_and_the_mode_follows": ("scripts.terms",),
    },
    "test_supervision.py": {
        "test_handing_over_is_for_colleagues_and_the_note_is_in_the_next_one_s_tab": ("supervision.hand_over",),
        "test_an_administrator_ends_a_tab_from_the_list": ("supervision.stop",),
        "test_taking_over_leads_to_the_tab": ("supervision.take_over",),
        "test_looking_on_ends_when_the_holder_ends_her_tab": (
            "supervision.watch",
            "tabs.end_form",
        ),
    },
    "test_tabs.py": {
        "test_a_downloaded_file_is_fetched_with_its_holders_ticket": ("files.ticket",),
        "test_a_file_goes_up_to_the_tab_under_its_holders_name": ("files.upload",),
        "test_end_as_data_says_that_it_ended": ("tabs.end",),
        "test_who_asks_for_more_time_gets_it": ("tabs.extend",),
        "test_tile_and_purpose_of_the_plain_form_are_what_is_recorded": ("tabs.open_form",),
    },
    "test_voice_hook.py": {
        "test_twilios_transcription_is_used": ("hooks.voice",),
    },
}
"""Test file → test → the endpoints, below `api.routes`, that it stands for."""
CHANGE_NOTHING = ("files.fetch", "lookup_pictures.play", "recordings.play", "scripts.check", "tabs.ticket")
"""Why stands in `on_record.SILENT`."""


def changing(app: FastAPI) -> Iterator[str]:
    """Endpoints of the application's routes that change something."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.route, APIRoute) and set(route.methods or ()) & set(CHANGING):
            yield name_of(route.endpoint).removeprefix("api.routes.")


def expected(file: str, *names: str) -> set[str]:
    """What must be on record after this test of this file; a test with several rows has a name for each and one for all."""
    told = DRIVEN.get(file, {})
    return {f"api.routes.{endpoint}" for name in names for endpoint in told.get(name, ())}
