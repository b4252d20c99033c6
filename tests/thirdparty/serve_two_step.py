"""Runs in the third-party environment: Django's own administration behind django-two-factor-auth, as its documentation sets it up.

Its settings come as one JSON file: data, port, host, username, password, seed (hexadecimal).
"""

import json
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

REMEMBERED_S = 30 * 24 * 3600


def main() -> None:
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    settle(asked)
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    application = StaticFilesHandler(get_wsgi_application())
    call_command("migrate", verbosity=0)
    register(asked)
    server = make_server("127.0.0.1", asked["port"], application, type("Threads", (ThreadingMixIn, WSGIServer), {}))
    server.serve_forever()


def settle(asked: dict) -> None:
    """What an operator would write into settings.py."""
    from django.conf import settings

    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(Path(asked["data"]) / "two_step.db")}
    contrib = [f"django.contrib.{name}" for name in ("auth", "contenttypes", "sessions", "messages", "staticfiles")]
    processors = ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth"]
    settings.configure(
        SECRET_KEY="of one test",
        ALLOWED_HOSTS=[asked["host"], "127.0.0.1"],
        CSRF_TRUSTED_ORIGINS=[f"https://{asked['host']}"],
        SESSION_COOKIE_SECURE=True,
        DATABASES={"default": database},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        STATIC_URL="/static/",
        INSTALLED_APPS=["django.contrib.admin", *contrib, "django_otp", "django_otp.plugins.otp_static",
                        "django_otp.plugins.otp_totp", "two_factor"],
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
                    "django.contrib.auth.middleware.AuthenticationMiddleware", "django_otp.middleware.OTPMiddleware",
                    "django.contrib.messages.middleware.MessageMiddleware"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                    "OPTIONS": {"context_processors": [*processors, "django.contrib.messages.context_processors.messages"]}}],
        ROOT_URLCONF=__name__,
        LOGIN_URL="two_factor:login",
        LOGIN_REDIRECT_URL="/admin/",
        LOGOUT_REDIRECT_URL="/account/login/",
        TWO_FACTOR_REMEMBER_COOKIE_AGE=REMEMBERED_S,
    )  # fmt: skip


def addresses() -> list:
    """The two applications side by side, the administration open to those with a second factor only."""
    from django.contrib import admin
    from django.urls import include, path
    from two_factor.admin import AdminSiteOTPRequired
    from two_factor.urls import urlpatterns as two_factor

    admin.site.__class__ = AdminSiteOTPRequired
    return [path("", include(two_factor)), path("admin/", admin.site.urls)]


class _Lazily(list):
    """Django wants a list in this module, and its applications loaded before the list is made."""

    def __iter__(self):
        if not len(self):
            self.extend(addresses())
        return super().__iter__()


urlpatterns = _Lazily()


def register(asked: dict) -> None:
    """One user who has set up her authenticator."""
    from django.contrib.auth.models import User
    from django_otp.plugins.otp_totp.models import TOTPDevice

    user = User.objects.create_superuser(asked["username"], "office@lab.test", asked["password"])
    TOTPDevice.objects.create(user=user, name="default", confirmed=True, key=asked["seed"])


if __name__ == "__main__":
    main()
