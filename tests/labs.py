"""`running_lab`: the simulated carriers for a test, in a thread, with the judge at hand."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2

from carrier_scripts.lab import founding
from carrier_scripts.lab.serving import Lab


class LabHosts(httpx2.HTTPTransport):
    """Sends requests for the lab's hosts to its port, as the egress proxy does for the browser."""

    def __init__(self, lab: "RunningLab") -> None:
        super().__init__(verify=ssl.create_default_context(cafile=lab.facts["ca"]), trust_env=False)
        self._port = lab.facts["ports"]["web"]

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        routed = httpx2.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1", port=self._port),
            headers=[
                *((k, v) for k, v in request.headers.raw if k.lower() != b"host"),
                (b"Host", request.url.host.encode()),
            ],
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return super().handle_request(routed)


class Browser(httpx2.Client):
    """A person's browser at a carrier, as far as forms and cookies go."""

    def __init__(self, lab: "RunningLab", key: str) -> None:
        super().__init__(
            transport=LabHosts(lab),
            base_url=f"https://{founding.carrier(key).hosts[0]}",
            follow_redirects=True,
            timeout=20,
        )


def misdeeds_in(reports: dict[str, Any]) -> dict[str, dict[str, int]]:
    """What must never happen, of the judge's whole report: carriers with an overlapping sign-in or a wasted try."""
    counted = {
        key: {name: report["totals"].get(name, 0) for name in ("overlapping_logins", "wasted_tries")}
        for key, report in reports.items()
        if key != "hosts"
    }
    return {key: found for key, found in counted.items() if any(found.values())}


class RunningLab:
    """A lab that runs. `facts` is what lab.json says."""

    def __init__(self, lab: Lab) -> None:
        self.facts = lab.facts
        self.control = httpx2.Client(base_url=self.facts["control"], trust_env=False, timeout=20)

    @property
    def resolve(self) -> dict[str, str]:
        """For the setting `resolve`: hosts to address and port."""
        hosts: dict[str, str] = self.facts["resolve"]
        return hosts

    @property
    def spki(self) -> str:
        """For the setting `trusted_spki`."""
        return str(self.facts["trusted_spki"])

    @property
    def mailbox(self) -> dict[str, Any]:
        """Host, port, username and password of the one mailbox."""
        box: dict[str, Any] = self.facts["mailbox"]
        return box

    def url(self, key: str) -> str:
        """Where a carrier's sign-in starts."""
        return founding.carrier(key).start_url

    def account(self, key: str) -> founding.Account:
        """A login by its key, such as `harborline-1`."""
        return next(one for one in founding.ACCOUNTS if one.key == key)

    def browser(self, key: str) -> Browser:
        return Browser(self, key)

    def counters(self, key: str, account: str | None = None) -> dict[str, int]:
        """The judge's counters of a carrier (`lab`: what belongs to none), or of one of its logins by username."""
        report = self._get("/counters", carrier=key)
        counts: dict[str, int] = report["accounts"].get(account, {}) if account else report["totals"]
        return counts

    def misdeeds(self) -> dict[str, dict[str, int]]:
        """Overlapping sign-ins and wasted tries, by carrier; empty when no carrier counted one."""
        return misdeeds_in(self._get("/counters"))

    def log(self, **wanted: str) -> list[dict[str, Any]]:
        """The judge's lines, newest last."""
        lines: list[dict[str, Any]] = self._get("/log", **wanted)
        return lines

    def outbox(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self._get("/outbox")
        return messages

    def last_code(self, key: str) -> str:
        """The newest code sent to this login; what a person would read on the telephone."""
        username = self.account(key).username
        return next(str(m["code"]) for m in reversed(self.outbox()) if m["account"] == username and m["code"])

    def now(self) -> datetime:
        return datetime.fromisoformat(self._get("/clock")["now"])

    def set_clock(self, at: datetime) -> None:
        self._post("/clock", at=at.isoformat())

    def advance(self, seconds: float) -> None:
        self._post("/clock", advance=seconds)

    def freeze(self) -> None:
        self._post("/clock", freeze=True)

    def fault(self, key: str, name: str, *, account: str | None = None, times: int | None = None, **args: Any) -> None:
        """Switch a fault on; see the lab's README for their names."""
        self._post("/fault", carrier=key, name=name, account=account, times=times, args=args)

    def unfault(self, key: str | None = None, name: str | None = None) -> None:
        asked = {k: v for k, v in (("carrier", key), ("name", name)) if v}
        self.control.delete("/fault", params=asked).raise_for_status()

    def send_sms_to(self, phone: str, url: str) -> None:
        self._post("/sms", phone=phone, url=url)

    def approve(self, key: str, number: str) -> bool:
        """The login's owner chooses a number on her telephone."""
        return bool(self._post("/approve", carrier=key, number=number)["approved"])

    def call(self, key: str, reference: str) -> dict[str, Any]:
        """A person calls a provider line: `answered`, `hold_s`, `code`."""
        told: dict[str, Any] = self._post("/call", carrier=key, reference=reference)
        return told

    def deliver(self, **message: Any) -> None:
        """A mail (`to`) or text message (`phone`) of the test's own making: `sender`, `subject`, `text`."""
        message["from"] = message.pop("sender")
        self._post("/message", **message)

    def agree(self) -> str:
        """A refresh token, as the mailbox's owner gives it in her browser."""
        return str(self._post("/oauth/agree")["refresh_token"])

    def expire_tokens(self) -> None:
        """An hour goes by at the mail provider."""
        self.control.post("/oauth/expire-all").raise_for_status()

    def revoke_consent(self) -> None:
        """The mailbox's owner withdraws her consent."""
        self.control.post("/oauth/revoke-all").raise_for_status()

    def reset(self) -> None:
        self._post("/reset")

    def _get(self, path: str, **asked: str) -> Any:
        return self.control.get(path, params=asked).raise_for_status().json()

    def _post(self, path: str, **order: Any) -> Any:
        return self.control.post(path, json=order).raise_for_status().json()


@contextmanager
def running_lab(directory: Path, webhook_url: str | None = None) -> Iterator[RunningLab]:
    """The lab in a thread of this process. `webhook_url`: text messages are posted to it plus the number's digits."""
    lab = Lab(directory / "lab", sms_url_base=webhook_url)
    lab.start()
    running = RunningLab(lab)
    try:
        yield running
    finally:
        running.control.close()
        lab.stop()
