"""Message shapes of widely used senders, to start a template from; each from its public documentation or open source.

Carriers rarely write their own code messages: they use one of these services, with their own name and sender in it.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shape:
    """How one sender writes its codes. The senders' addresses are the carrier's own: the administrator fills them in."""

    key: str
    name: str
    channel: str
    rule: dict[str, Any]
    source: str
    samples: tuple[tuple[str, str], ...]
    """(message, the code in it): invented numbers in the documented wording."""


SHAPES = (
    Shape(
        "twilio_verify",
        "Twilio Verify, text message",
        "sms",
        {"context": ["verification code is"], "pattern": r"\d{4,8}"},
        "https://www.twilio.com/docs/verify/verification-templates (default template)",
        (
            ("Your Harborline verification code is: 482913", "482913"),
            ("Your Acme 360 verification code is: 4829", "4829"),
        ),
    ),
    Shape(
        "vonage_verify",
        "Vonage Verify, text message",
        "sms",
        {"context": ["code:"], "pattern": r"\d{4,6}"},
        "https://developer.vonage.com/en/verify/templates (default template)",
        (
            ("Harborline code: 4829. Valid for 5 minutes.", "4829"),
            ("Acme code: 482913. Valid for 10 minutes.", "482913"),
        ),
    ),
    Shape(
        "auth0",
        "Auth0, text message",
        "sms",
        {"after": ["is your verification code for"], "pattern": r"\d{6}"},
        "https://auth0.com/docs/api/management/v2/guardian/get-factor-sms-templates (default of verification_message)",
        (("482913 is your verification code for Harborline 555000", "482913"),),
    ),
    Shape(
        "firebase",
        "Google Identity Platform / Firebase, text message",
        "sms",
        {"after": ["is your verification code for"], "pattern": r"\d{6}"},
        "https://firebase.google.com/docs/auth (phone sign-in, SMS template)",
        (("482913 is your verification code for harborline-9.firebaseapp.com.", "482913"),),
    ),
    Shape(
        "cognito_sms",
        "Amazon Cognito, text message",
        "sms",
        {"context": ["verification code is", "authentication code is"], "pattern": r"\d{6}"},
        "https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-settings-message-customizations.html",
        (("Your authentication code is 482913.", "482913"), ("Your verification code is 482913", "482913")),
    ),
    Shape(
        "cognito_email",
        "Amazon Cognito, e-mail",
        "email",
        {"context": ["verification code is", "authentication code is"], "pattern": r"\d{6}"},
        "https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-settings-message-customizations.html",
        (("Your verification code\nYour verification code is 482913", "482913"),),
    ),
    Shape(
        "okta",
        "Okta, text message",
        "sms",
        {"context": ["code is"], "pattern": r"\d{6}"},
        "https://developer.okta.com/docs/reference/api/templates (SMS_VERIFY_CODE)",
        (("Your Harborline code is: 482913", "482913"), ("Your verification code is 482913.", "482913")),
    ),
    Shape(
        "azure_b2c",
        "Microsoft Entra External ID / Azure AD B2C, e-mail",
        "email",
        {"context": ["code is"], "pattern": r"\d{6}"},
        "https://learn.microsoft.com/azure/active-directory-b2c/custom-email-mailjet (template)",
        (
            (
                "Harborline account email verification code\nThanks for verifying your account!\nYour code is: 482913",
                "482913",
            ),
        ),
    ),
    Shape(
        "microsoft_sms",
        "Microsoft Entra multifactor authentication, text message",
        "sms",
        {"context": ["use verification code"], "pattern": r"\d{6}"},
        "https://learn.microsoft.com/entra/identity/authentication/concept-authentication-phone-options",
        (("Use verification code 482913 for Harborline authentication.", "482913"),),
    ),
    Shape(
        "google",
        "Google, text message",
        "sms",
        {"prefix": "G-", "after": ["is your google verification code"], "pattern": r"\d{6}"},
        "https://support.google.com/accounts/answer/185839 (codes by text message)",
        (("G-482913 is your Google verification code. Don't share your code with anyone.", "482913"),),
    ),
    Shape(
        "origin_bound",
        "Origin-bound codes (WebOTP), text message",
        "sms",
        {"context": ["code is", "code:"], "after": ["is your"], "pattern": r"\d{4,8}"},
        "https://wicg.github.io/sms-one-time-codes (the last line repeats the code after #)",
        (
            ("482913 is your Harborline code.\n\n@providers.harborline.test #482913", "482913"),
            ("Your one-time code is 482913. It expires in 10 minutes.\n\n@login.test #482913", "482913"),
        ),
    ),
    Shape(
        "logto",
        "Logto, text message",
        "sms",
        {"context": ["verification code:"], "pattern": r"\d{6}"},
        "https://docs.logto.io/connectors/sms-connectors/sms-templates",
        (("Harborline sign-in verification code: 482913. Expires in 10 mins.", "482913"),),
    ),
    Shape(
        "supabase",
        "Supabase Auth, e-mail",
        "email",
        {"context": ["code:", "code is"], "pattern": r"\d{6,8}"},
        "https://supabase.com/docs/guides/auth/auth-email-templates ({{ .Token }})",
        (("Your sign-in code\nAlternatively, enter the code: 482913", "482913"),),
    ),
    Shape(
        "allauth",
        "django-allauth, e-mail",
        "email",
        {"context": ["code"], "pattern": "[A-Z0-9]{6}"},
        "https://docs.allauth.org/en/latest/account/configuration.html (login by code; account/email/login_code_message.txt)",
        (
            (
                "Sign-In Code\nYour sign-in code is listed below. Please enter it in your open browser window.\nB7RK4Q",
                "B7RK4Q",
            ),
        ),
    ),
    Shape(
        "pgadmin",
        "pgAdmin 4, e-mail",
        "email",
        {"context": ["code for authentication"], "subject": "Verification Code", "pattern": r"\d{6}"},
        "https://github.com/pgadmin-org/pgadmin4 (authenticate/mfa, send_email_otp)",
        (("pgAdmin 4 - Verification Code\nYour code for authentication is 482913.", "482913"),),
    ),
)


def shape(key: str) -> Shape | None:
    """The shape of this key."""
    return next((one for one in SHAPES if one.key == key), None)
