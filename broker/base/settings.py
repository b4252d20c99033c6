"""Every setting, once. Environment `PORTUNUS_*`; a secret may come from the file that `PORTUNUS_*_FILE` names."""

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Defaults run everything on one machine from one folder; growing is a matter of these values."""

    model_config = SettingsConfigDict(env_prefix="PORTUNUS_", extra="ignore", frozen=True)

    data_dir: Path = Path("var")
    """Database, keys, recordings, sockets: everything that Portunus writes by default."""
    database_url: SecretStr = SecretStr("")
    """Empty: SQLite in data_dir. PostgreSQL: `postgresql://…`."""
    redis_url: SecretStr = SecretStr("")
    """Empty: the bundled Valkey on a socket in data_dir."""
    blob_url: str = ""
    """Empty: a folder in data_dir. `s3://bucket/prefix` for an S3-compatible store."""
    witness_dir: Path | None = None
    """Second sink for audit checkpoints; empty: `data_dir/witness`. Put it on another volume."""

    witness_url: str = ""
    """A witness elsewhere that signs heads too (c2sp.org/tlog-witness); empty: none."""
    witness_key: str = ""
    """That witness's verifier key, `name+hash+key`."""

    public_url: str = ""
    """Empty: http:// with host and port. The address in the user's browser; its origin is the only one the stream's socket accepts."""
    download_url: str = ""
    """Empty: on loopback `localhost` for 127.0.0.1 and the other way round, else public_url. Where files from portals are fetched:
    another name for the same server, so that no file can act as a page of Portunus. Files are only *shown* where it differs."""
    host: str = "127.0.0.1"
    port: int = 8400

    key_provider: Literal["file", "environment"] = "file"
    root_key: SecretStr = SecretStr("")
    """Environment provider: 32 bytes in base64."""
    root_key_passphrase: SecretStr = SecretStr("")
    """File provider: protects the root key file; empty leaves it protected by its mode 0600 alone."""

    node: str = "node1"
    """This browser host's name: in the database, on the status page, in its socket's name."""
    host_socket: Path | None = None
    """Unix socket of the browser host; empty: in data_dir."""
    browser: Path | None = None
    """Browser executable; empty: found (see workers/browser/find.py)."""
    browser_user: str = "nobody"
    """Started as root, Chromium runs as this user so that its sandbox can work."""
    allow_unsandboxed_browser: bool = False
    """Only for a machine where Chromium's sandbox cannot start; `portunus doctor` shows it in red."""
    allow_unconfined_scripts: bool = False
    """Only for a machine whose kernel cannot close off a script process; `portunus doctor` shows it in red."""
    shard_size: int = Field(default=8, ge=1, le=50)
    """Portal sessions per Chromium process."""
    max_sessions: int = Field(default=60, ge=1)
    """Live portal sessions on this node."""

    park_after_s: int = 600
    """Idle seconds before a session's browser state is parked (where its portal allows)."""
    lease_s: int = 3600
    """Longest time one holder keeps a portal session before she is asked to extend."""
    cover_after_s: int = Field(default=900, ge=30)
    """Seconds without anything done by hand before a tab is covered and its holder must show again who she is."""
    code_wait_s: int = 600
    """Longest wait for a code that comes by itself; a call to a provider line waits for the line first."""
    retention_recordings_d: int = 365
    """Days a recording of the standard class is kept; then its key is destroyed."""
    retention_recordings_long_d: int = 2555
    """The same for the long class (seven years)."""

    simulated_portals: bool = False
    """Whether the portals of the lab are offered too; the demo and tests set it."""
    resolve: dict[str, str] = {}
    """Egress: host pattern → `address:port`, for portals that public DNS does not know (the lab). JSON."""
    trusted_spki: list[str] = []
    """Egress: base64 SHA-256 of extra certificate keys the browser accepts (the lab's own authority). JSON."""

    help_contact: str = Field(default="", max_length=200)
    """Who helps somebody who cannot sign in, in words for the sign-in pages: `Ana Petrova, extension 204`."""

    scripts_dir: Path | None = None
    """A folder of carrier scripts of your own (`portals/`, `families/`, `behaviour/`, `pages/`; a git repository, say): every
    `portunus script` command looks there first. Empty: those that came with Portunus. Nothing runs by lying there."""

    mail_relay: str = ""
    """`host:port` of the office's mail server: alerts about carrier scripts go to their owners by mail. Empty: on the pages only."""
    mail_from: str = Field(default="", max_length=200)
    """The sender of those mails; empty: `portunus@` and the name of `public_url`."""

    log_json: bool = False

    @model_validator(mode="after")
    def _own_address(self) -> Self:
        if not self.public_url:
            object.__setattr__(self, "public_url", f"http://{self.host}:{self.port}")
        if not self.download_url:
            object.__setattr__(self, "download_url", _other_name(self.public_url))
        return self

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        for name, field in cls.model_fields.items():
            path = os.environ.get(f"PORTUNUS_{name.upper()}_FILE")
            if path and field.annotation is SecretStr:
                values[name] = Path(path).read_text(encoding="utf-8").strip()
        return values

    @property
    def database(self) -> str:
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_dir.absolute() / 'portunus.db'}"

    @property
    def run_dir(self) -> Path:
        """Sockets and pid ledgers; short-lived. Socket paths end at 107 bytes (unix(7)), so a deep folder is left aside."""
        inside = self.data_dir.absolute() / "run"
        if len(str(inside)) <= 80:
            return inside
        digest = hashlib.sha256(str(inside).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"portunus-{os.getuid()}-{digest}"

    @property
    def hostsocket(self) -> Path:
        return self.host_socket or self.run_dir / f"{self.node}.sock"

    @property
    def witness(self) -> Path:
        return self.witness_dir or self.data_dir.absolute() / "witness"


def _other_name(url: str) -> str:
    """The same loopback server by its other name: to a browser that is another origin, with cookies of its own."""
    for one, other in (("127.0.0.1", "localhost"), ("localhost", "127.0.0.1")):
        if url.startswith(f"http://{one}:"):
            return url.replace(one, other, 1)
    return url


@cache
def settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
