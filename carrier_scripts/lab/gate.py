"""The rules of a carrier's front door: passwords, locks, codes, remembered devices, concurrency."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from carrier_scripts.lab.accounts import AccountState, LiveCode
from carrier_scripts.lab.authenticator import matching_step
from carrier_scripts.lab.judge import Client
from carrier_scripts.lab.messages import Writer
from carrier_scripts.lab.postbox import Posted
from carrier_scripts.lab.visits import Visit
from carrier_scripts.lab.world import World


class Answer(StrEnum):
    OK = "ok"
    WRONG = "wrong"
    LOCKED = "locked"
    PASSWORD_EXPIRED = "password_expired"
    CODE_EXPIRED = "code_expired"
    VOID = "void"
    REPLAYED = "replayed"
    TOO_SOON = "too_soon"


@dataclass(frozen=True)
class Rules:
    """A carrier's policy; times in seconds."""

    idle_s: int
    lock_s: int | None
    """None: until the e-mailed link is opened."""
    wrong_passwords: int = 5
    wrong_codes_lock: int | None = None
    """So many wrong codes lock the account."""
    wrong_codes_void: int | None = None
    """So many wrong codes make the code void."""
    code_s: int = 600
    resend_after_s: int = 0
    password_days: int | None = None
    device_days: int = 0
    newest_wins: bool = False
    cap: int | None = None
    """So many sessions of a login side by side; one more ends the oldest."""
    absolute_s: int | None = None
    """A session is over after this long, whatever its user does."""
    code_length: int = 6
    code_letters: str = "0123456789"


class Gate:
    """One carrier's front door."""

    def __init__(self, world: World, carrier: str, rules: Rules, writer: Writer) -> None:
        self.world = world
        self.carrier = carrier
        self.rules = rules
        self.writer = writer

    def password(self, visit: Visit, username: str, password: str, client: Client) -> Answer:
        """A password was submitted. On OK the visit knows its account; what comes next is the portal's business."""
        state = self.world.account(self.carrier, username)
        judge, now = self.world.judge, self.world.clock.now()
        if state is None:
            judge.count("password_submits", self.carrier, "?")
            judge.count("wrong_passwords", self.carrier, "?")
            judge.note(self.carrier, "?", "unknown username", visit.id)
            return Answer.WRONG
        judge.password(self.carrier, state.username, visit.id, client)
        answer = self._password(state, password, visit)
        if answer is Answer.OK:
            visit.account, visit.location, visit.message = state, None, ""
            visit.seen_at = now
            visit.flags.clear()
        else:
            judge.end(visit.id, answer.value)
        return answer

    def _password(self, state: AccountState, password: str, visit: Visit) -> Answer:
        judge, now = self.world.judge, self.world.clock.now()
        if state.locked(now):
            self._wasted(state, "a password while locked")
            return Answer.LOCKED
        if password != state.facts.password:
            if password in state.refused:
                self._wasted(state, "the same wrong password again")
            state.refused.add(password)
            state.wrong_passwords += 1
            judge.count("wrong_passwords", self.carrier, state.username)
            judge.note(self.carrier, state.username, "wrong password", visit.id)
            if state.wrong_passwords >= self.rules.wrong_passwords:
                self._lock(state)
                return Answer.LOCKED
            return Answer.WRONG
        if self.rules.password_days and state.password_days(now) >= self.rules.password_days:
            if state.told_expired:
                self._wasted(state, "an expired password again")
            state.told_expired = True
            return Answer.PASSWORD_EXPIRED
        return Answer.OK

    def wrong_answer(self, state: AccountState, visit: Visit) -> Answer:
        """A security question was answered wrongly: it counts like a wrong password."""
        state.wrong_passwords += 1
        self.world.judge.count("wrong_passwords", self.carrier, state.username)
        self.world.judge.note(self.carrier, state.username, "wrong answer", visit.id)
        if state.wrong_passwords >= self.rules.wrong_passwords:
            self._lock(state)
            return Answer.LOCKED
        return Answer.WRONG

    def send_code(self, state: AccountState, visit: Visit, *, again: bool = False, by: str | None = None) -> Answer:
        """A new code, which supersedes any earlier one, goes out on the account's channel, or `by` another of its owner's."""
        world, now = self.world, self.world.clock.now()
        live = state.code
        if again and live and now < live.sent_at + timedelta(seconds=self.rules.resend_after_s):
            return Answer.TOO_SOON
        serial = world.serial.next()
        code = LiveCode(self._value(state, serial), now, now + timedelta(seconds=self.rules.code_s))
        state.code = code
        world.judge.count("codes_sent", self.carrier, state.username)
        if again:
            world.judge.count("resends", self.carrier, state.username)
        world.judge.note(self.carrier, state.username, "code sent again" if again else "code sent", visit.id)
        if by in (None, state.facts.channel):
            self._post(state, code.value, serial)
        elif by == "voice" and state.facts.address in world.postbox.voice_urls:
            world.postbox.post(self.writer.called(state, code.value, serial))
        else:
            world.postbox.outbox.append(self.writer.spoken(state, code.value, serial, by=by or ""))
        return Answer.OK

    def _value(self, state: AccountState, serial: int) -> str:
        number = int(self.world.digits(state.facts.key, serial, 18))
        letters = self.rules.code_letters
        return "".join(
            letters[number // len(letters) ** place % len(letters)] for place in range(self.rules.code_length)
        )

    def check_code(self, visit: Visit, typed: str) -> Answer:
        """A code was typed. On OK it is used up."""
        state = visit.account
        assert state is not None
        judge, now, live = self.world.judge, self.world.clock.now(), state.code
        self._code_submitted(state, visit)
        if state.locked(now):
            self._wasted(state, "a code while locked")
            return Answer.LOCKED
        if live is None or live.void or live.used:
            self._wasted(state, "a code when none is live")
            return Answer.VOID
        if now >= live.expires:
            judge.count("codes_expired", self.carrier, state.username)
            self._wasted(state, "an expired code")
            return Answer.CODE_EXPIRED
        if "".join(typed.split()) == live.value:
            live.used = True
            self.code_accepted(state, visit)
            return Answer.OK
        live.wrong += 1
        if self.wrong_code(state, visit) is Answer.LOCKED:
            live.void = True
            return Answer.LOCKED
        if self.rules.wrong_codes_void and live.wrong >= self.rules.wrong_codes_void:
            live.void = True
            return Answer.VOID
        return Answer.WRONG

    def totp(self, visit: Visit, typed: str) -> Answer:
        """An authenticator's code: right within the drift, and once."""
        state = visit.account
        assert state is not None
        judge, now = self.world.judge, self.world.clock.now()
        judge.count("code_submits", self.carrier, state.username)
        if state.locked(now):
            self._wasted(state, "a code while locked")
            return Answer.LOCKED
        step = matching_step(state.facts.totp_seed, typed, now)
        if step is None or step <= state.last_step:
            if step is not None:
                judge.count("codes_replayed", self.carrier, state.username)
            answer = self.wrong_code(state, visit)
            return Answer.REPLAYED if step is not None and answer is Answer.WRONG else answer
        state.last_step = step
        self.code_accepted(state, visit)
        return Answer.OK

    def _code_submitted(self, state: AccountState, visit: Visit) -> None:
        self.world.judge.count("code_submits", self.carrier, state.username)
        self.world.judge.note(self.carrier, state.username, "code submitted", visit.id)

    def code_accepted(self, state: AccountState, visit: Visit) -> None:
        state.wrong_codes = 0
        self.world.judge.count("codes_accepted", self.carrier, state.username)
        self.world.judge.note(self.carrier, state.username, "code accepted", visit.id)

    def wrong_code(self, state: AccountState, visit: Visit) -> Answer:
        state.wrong_codes += 1
        self.world.judge.count("wrong_codes", self.carrier, state.username)
        self.world.judge.note(self.carrier, state.username, "wrong code", visit.id)
        if self.rules.wrong_codes_lock and state.wrong_codes >= self.rules.wrong_codes_lock:
            self._lock(state)
            self.world.judge.end(visit.id, "locked")
            return Answer.LOCKED
        return Answer.WRONG

    def arrive(self, visit: Visit) -> None:
        """Signed in: a new cookie, the counters, and (newest wins) the end of every other session."""
        state = visit.account
        assert state is not None
        old = self.world.visits.rename(visit)
        self.world.judge.renamed(old, visit.id)
        self.world.judge.end(visit.id, "signed in")
        state.wrong_passwords = 0
        if self.rules.newest_wins:
            for other in self.world.visits.signed_in(self.carrier, state):
                other.end("elsewhere")
                self.world.judge.count("displaced", self.carrier, state.username)
                self.world.judge.note(self.carrier, state.username, "displaced by a newer session", other.id)
        if self.rules.cap:
            self._make_room(state, self.rules.cap)
        visit.stage, visit.seen_at = "home", self.world.clock.now()
        visit.home_at = visit.seen_at
        self.world.judge.count("logins", self.carrier, state.username)
        self.world.judge.count("sessions_opened", self.carrier, state.username)
        self.world.gauge(self.carrier, state)

    def _make_room(self, state: AccountState, cap: int) -> None:
        open_now = sorted(self.world.visits.signed_in(self.carrier, state), key=lambda one: one.home_at or one.seen_at)
        for oldest in open_now[: max(0, len(open_now) - cap + 1)]:
            oldest.end("elsewhere")
            self.world.judge.count("displaced", self.carrier, state.username)
            self.world.judge.note(self.carrier, state.username, "displaced by one session too many", oldest.id)

    def leave(self, visit: Visit, why: str) -> None:
        """The session is over: signed out, or idle for too long."""
        was_home, state = visit.home, visit.account
        visit.end(why)
        self.world.judge.end(visit.id, why)
        if state and was_home:
            self.world.judge.count("signouts" if why == "signout" else "timeouts", self.carrier, state.username)
            self.world.judge.note(self.carrier, state.username, f"session ended: {why}", visit.id)
            self.world.gauge(self.carrier, state)

    def _lock(self, state: AccountState) -> None:
        self.world.lock(state, self.rules.lock_s)
        state.code = None

    def _wasted(self, state: AccountState, why: str) -> None:
        self.world.judge.count("wasted_tries", self.carrier, state.username)
        self.world.judge.note(self.carrier, state.username, f"WASTED: {why}")

    def _post(self, state: AccountState, code: str, serial: int) -> None:
        """The code's message, with whatever the faults do to it on the way."""
        world, name = self.world, state.username
        decoys = 1 if state.facts.channel == "email" else 0
        if fault := world.faults.on(self.carrier, "code_decoys", account=name):
            decoys += int(fault.args.get("count", 3))
        late = world.faults.on(self.carrier, "code_late", account=name)
        for _ in range(decoys):
            number = world.serial.next()
            self._send(self.writer.decoy(state, world.digits("decoy", number), number))
        if world.faults.on(self.carrier, "code_foreign", account=name):
            number = world.serial.next()
            other = next((s for s in world.of(self.carrier, None) if s is not state), state)
            self._send(self.writer.code(other, world.digits("foreign", number), number))
        if world.faults.on(self.carrier, "code_never", account=name):
            return
        changed = world.faults.on(self.carrier, "code_sender", account=name)
        sender = (
            str(changed.args.get("sender", f"security@{self.carrier.replace('_', '-')}-mail.test")) if changed else None
        )
        message = self.writer.code(state, code, serial, sender=sender)
        if late:
            message.due += timedelta(seconds=float(late.args.get("seconds", 60)))
        if world.faults.on(self.carrier, "code_unsigned", account=name):
            world.mail.unsigned.add(message.id)
        if world.faults.on(self.carrier, "code_twice", account=name):
            message.copies = 2
        self._send(message)

    def _send(self, message: Posted) -> None:
        self.world.postbox.post(message)
