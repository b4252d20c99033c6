"""Either office takes mail over SMTP, judges it as the receiving server, and serves it over IMAP."""

import smtplib
from email.message import EmailMessage
from imaplib import IMAP4

import pytest

from tests.thirdparty import mail, python_mail

OFFICES = [
    pytest.param(mail.office, id="dovecot", marks=pytest.mark.skipif(not mail.present(), reason="no Dovecot")),
    pytest.param(python_mail.office, id="python"),
]


@pytest.mark.parametrize("office", OFFICES)
def test_a_mail_arrives_with_the_servers_own_verdict_and_no_other(office) -> None:
    told = EmailMessage()
    told["From"], told["To"], told["Subject"] = "portal@carrier.sim.test", "office@lab.test", "Code"
    told["Authentication-Results"] = f"{mail.AUTHSERV}; dmarc=pass header.from=forged.test"
    told.set_content("Your code is 482913")
    with office() as where:
        with smtplib.SMTP("127.0.0.1", where.smtp_port, timeout=10) as smtp:
            smtp.send_message(told)
        with IMAP4("127.0.0.1", where.imap_port, timeout=10) as box:
            box.login(where.address, where.password)
            box.select("INBOX")
            raw = box.fetch("1", "(RFC822)")[1][0][1].decode()
    assert "482913" in raw
    assert "dmarc=pass header.from=carrier.sim.test" in raw
    assert raw.count("Authentication-Results:") == 1
    assert "forged.test" not in raw


@pytest.mark.parametrize("office", OFFICES)
def test_nobody_reads_it_without_the_password(office) -> None:
    with office() as where, IMAP4("127.0.0.1", where.imap_port, timeout=10) as box, pytest.raises(IMAP4.error):
        box.login(where.address, "another")
