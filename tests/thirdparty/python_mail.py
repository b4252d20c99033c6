"""The office's mail on a machine without Dovecot: the same two protocols, spoken by aiosmtpd and pymap in a thread. Loopback only."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from carrier_scripts.lab.founding import MAILBOX
from carrier_scripts.lab.mailserver import MailServer
from tests.thirdparty import mail
from tests.thirdparty.mail import Office

STOP_S = 10


def an_office() -> AbstractContextManager[Office]:
    """Dovecot where there is one, else these servers: enough for whoever only needs mail delivered and read."""
    return mail.office() if mail.present() else office()


@contextmanager
def office(password: str = "Marble-Crane-3305") -> Iterator[Office]:
    """A running mail server with one mailbox. Ends with the block."""
    server, loop = MailServer(password, consent_secret=""), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(mail.START_S)
        yield Office(server.smtp_port, server.imap_port, MAILBOX, password)
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(STOP_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_S)
        loop.close()


async def _end(server: MailServer) -> None:
    """Who is still connected is hung up."""
    await server.stop()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
