"""The ways to get a code, in words for administrators."""

WORDS = {
    "email": "e-mail",
    "sms": "text message",
    "voice": "call",
    "totp": "authenticator",
    "recovery": "recovery codes",
    "desk": "a person at the code desk",
}
BY = {
    "": "a person at the code desk",
    "sms": "a person who reads the text message",
    "email": "a person who reads the mail",
    "voice": "a person who hears the call",
    "provider_line": "a call to the provider line",
    "push": "a number chosen on a telephone",
    "passkey": "a passkey or security key",
}
"""What a person does for a code; the portal is asked for that way where it offers several."""


def in_words(channel: str, by: str = "") -> str:
    """`by`: what the person at the desk does, where the channel is the desk."""
    return BY.get(by, BY[""]) if channel == "desk" else WORDS.get(channel, channel)
