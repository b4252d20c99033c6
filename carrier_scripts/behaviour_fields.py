"""The fields of a behaviour record: how a portal behaves, as opposed to how a script acts on it.

A record is `behaviour/<key>.toml`; each field is `field = { value = …, source = "…", verified_on = 2026-11-21 }`. What is not
known is left out: a guess is worse than a gap.
"""

LOCKS = ("wait", "self_service", "admin", "call")
CONCURRENCY = ("multi", "newest_wins", "oldest_wins", "locks_account", "cap")

FIELDS: dict[str, tuple[type, str]] = {
    "idle_timeout_s": (int, "seconds without a click until the portal signs out"),
    "absolute_timeout_s": (int, "seconds after which it signs out in any case"),
    "warns_before_s": (int, "how long before that it warns"),
    "keepalive_allowed": (bool, "whether its terms allow to keep a session awake"),
    "concurrency": (str, f"what a second sign-in does: {', '.join(CONCURRENCY)}"),
    "formal_logout_required": (bool, "whether leaving without logging out blocks the next sign-in"),
    "logout_lock_s": (int, "for how long it does"),
    "mfa_methods": (list, "email, sms, voice, provider_line, totp, push, webauthn, security_question, none"),
    "code_format": (str, "pattern of the code"),
    "code_ttl_s": (int, "life of a code"),
    "code_reuse_window_s": (int, "for how long the same code is sent again"),
    "code_fixed_expiry": (str, "time of day at which all codes end"),
    "resend_supersedes": (bool, "whether a new code makes the earlier one void"),
    "resend_min_interval_s": (int, "how long to wait between two requests for a code"),
    "delivery_p95_s": (int, "how long a code is under way"),
    "wrong_code_limit": (int, "wrong codes until it locks or wants a new one"),
    "login_failure_limit": (int, "wrong passwords until it locks"),
    "failure_window_s": (int, "for how long it remembers them"),
    "lock_s": (int, "how long it stays locked"),
    "lock_needs": (str, f"what ends a lock: {', '.join(LOCKS)}"),
    "trusted_device_days": (int, "for how long it remembers a device"),
    "password_max_age_d": (int, "age at which a password expires"),
    "password_warn_d": (int, "how many days before it says so"),
    "password_rules": (str, "what it accepts as a password"),
    "dormancy_disable_d": (int, "days unused until a login is disabled"),
    "dormancy_delete_d": (int, "days unused until it is deleted"),
    "recertify_d": (int, "how often an administrator must confirm the login"),
    "annual_training": (bool, "whether it wants a training every year"),
    "terms_reaccept_d": (int, "how often its terms must be accepted again"),
    "security_questions": (str, "n of m"),
    "org_picker": (bool, "asks for an organization after signing in"),
    "tin_picker": (bool, "asks for a practice or TIN after signing in"),
    "provider_picker": (bool, "asks for a provider after signing in"),
    "opens_popups": (bool, "opens pop-ups or new tabs"),
    "uses_iframes": (bool, "shows parts in frames"),
    "pdf_eob": (bool, "has EOBs as PDF"),
    "eob_retention_months": (int, "how far back they go"),
    "search_window_days": (int, "longest span of a search"),
    "search_batch_limit": (int, "how many at a time"),
    "lookup_pause_ms": (int, "shortest time between the starts of two lookups by program"),
    "lookups_per_hour": (int, "most lookups by program in an hour"),
    "captcha": (str, "none, or what it uses and when"),
    "bot_protection": (str, "none, or what it uses"),
    "maintenance_windows": (list, "when it is usually away"),
    "geo_allowed": (list, "countries it lets in"),
    "sharing_policy": (str, "whether a login may be shared: individual, shared_office, …"),
    "automation_policy": (str, "what its terms say about programs: permitted_in_writing, silent, forbidden, …"),
    "provider_line": (str, "telephone number for offices"),
    "fallback_steps": (list, "what offices do while it is down, in order; shown to them then"),
}

TEMPLATE_FIELDS = frozenset({"senders", "subject", "pattern", "context", "after", "prefix", "strip", "reusable"})
"""`[code_template]`: how a message with a code looks; seeds the account's way to get codes."""
