"""Runs in the third-party environment: pgAdmin 4 as its makers ship it, in server mode, with a code by mail, over TLS.

Its settings come as one JSON file: data, port, chain, key, smtp_port, email, password.
"""

import builtins
import importlib.util
import json
import os
import sys
from pathlib import Path


def main() -> None:
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    home = importlib.util.find_spec("pgadmin4").submodule_search_locations[0]
    sys.path.insert(0, home)
    os.environ["PGADMIN_SETUP_EMAIL"], os.environ["PGADMIN_SETUP_PASSWORD"] = asked["email"], asked["password"]
    os.environ["PGADMIN_SERVER_MODE"] = "ON"
    builtins.SERVER_MODE = True
    settle(asked)
    from pgAdmin4 import app

    register_mail_code(app, asked["email"])
    app.run(
        host="127.0.0.1",
        port=asked["port"],
        ssl_context=(asked["chain"], asked["key"]),
        threaded=True,
        use_reloader=False,
    )


def settle(asked: dict) -> None:
    """What an operator would write into config_local.py."""
    import config

    data = Path(asked["data"])
    settings = {
        "SERVER_MODE": True,
        "DATA_DIR": str(data),
        "LOG_FILE": str(data / "pgadmin4.log"),
        "SQLITE_PATH": str(data / "pgadmin4.db"),
        "SESSION_DB_PATH": str(data / "sessions"),
        "STORAGE_DIR": str(data / "storage"),
        "AZURE_CREDENTIAL_CACHE_DIR": str(data / "azure"),
        "KERBEROS_CCACHE_DIR": str(data / "kerberos"),
        "TEST_SQLITE_PATH": str(data / "test.db"),
        "UPGRADE_CHECK_ENABLED": False,
        "MASTER_PASSWORD_REQUIRED": False,
        "SESSION_COOKIE_SECURE": True,
        "ALLOW_SPECIAL_EMAIL_DOMAINS": ["test"],
        "MFA_ENABLED": True,
        "MFA_SUPPORTED_METHODS": ["email"],
        "MFA_FORCE_REGISTRATION": False,
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": asked["smtp_port"],
        "SECURITY_EMAIL_SENDER": asked["sender"],
        "MAX_LOGIN_ATTEMPTS": 3,
    }
    for name, value in settings.items():
        setattr(config, name, value)


def register_mail_code(app, email: str) -> None:
    """What the user does once under Account, Two-Factor Authentication."""
    from pgadmin.model import User, UserMFA, db

    with app.app_context():
        user = User.query.filter_by(email=email).one()
        if UserMFA.query.filter_by(user_id=user.id, mfa_auth="email").first() is None:
            db.session.add(UserMFA(user_id=user.id, mfa_auth="email", options=email))
            db.session.commit()


if __name__ == "__main__":
    main()
