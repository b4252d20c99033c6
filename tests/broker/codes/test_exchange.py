"""Exchange Online's verdict bears no server's name: it is known by where it stands among the stations of the mail."""

import pytest

from broker.codes.authentication import EXCHANGE
from broker.codes.extract import read

STORE = """Received: from SA1PR12MB5678.namprd12.prod.outlook.com (2603:10b6:806:23b::12)
 by BY5PR12MB4321.namprd12.prod.outlook.com with HTTPS; Sat, 21 Nov 2026 09:00:04 +0000"""
INSIDE = """Received: from BL0PR02CA0101.namprd02.prod.outlook.com (2603:10b6:208:51::42)
 by SA1PR12MB5678.namprd12.prod.outlook.com (2603:10b6:806:23b::12) with
 Microsoft SMTP Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384)
 id 15.20.9253.17; Sat, 21 Nov 2026 09:00:03 +0000
Received: from BL6PEPF0001AB59.namprd02.prod.outlook.com
 (2603:10b6:208:51:cafe::9c) by BL0PR02CA0101.outlook.office365.com
 (2603:10b6:208:51::42) with Microsoft SMTP Server (version=TLS1_3,
 cipher=TLS_AES_256_GCM_SHA384) id 15.20.9253.18 via Frontend Transport; Sat,
 21 Nov 2026 09:00:02 +0000"""
VERDICT = """Authentication-Results: spf=pass (sender IP is 192.0.2.25)
 smtp.mailfrom=bounce.harborline.sim.test; dkim=pass (signature was verified)
 header.d=harborline.sim.test;dmarc=pass action=none
 header.from=harborline.sim.test;compauth=pass reason=100
Received-SPF: Pass (protection.outlook.com: domain of bounce.harborline.sim.test
 designates 192.0.2.25 as permitted sender)
 receiver=protection.outlook.com; client-ip=192.0.2.25;
 helo=out.harborline.sim.test; pr=C"""
ENTRANCE = """Received: from out.harborline.sim.test (192.0.2.25) by
 BL6PEPF0001AB59.mail.protection.outlook.com (10.167.242.52) with Microsoft
 SMTP Server (version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384) id 15.20.9253.12
 via Frontend Transport; Sat, 21 Nov 2026 09:00:02 +0000"""
LETTER = """DKIM-Signature: v=1; a=rsa-sha256; d=harborline.sim.test; s=one; h=from:to:subject:date; b=AAAA
From: Harborline Security <security@harborline.sim.test>
To: codes@lab.test
Subject: Your sign-in code
Date: Sat, 21 Nov 2026 09:00:01 +0000
Message-ID: <1@harborline.sim.test>
Content-Type: text/plain

Your code is 482913."""
NO_POLICY = VERDICT.replace("dmarc=pass action=none", "dmarc=bestguesspass action=none")
UNSIGNED = VERDICT.replace("dkim=pass", "dkim=none").replace("dmarc=pass", "dmarc=fail")


def trusted(*parts: str, authserv: str = EXCHANGE) -> bool:
    return read("\n".join(parts).replace("\n", "\r\n").encode(), authserv).trusted


@pytest.mark.parametrize("verdict", [VERDICT, NO_POLICY])
def test_a_carriers_mail_as_it_lies_in_a_mailbox_at_microsoft_365_is_believed(verdict: str) -> None:
    assert trusted(STORE, INSIDE, verdict, ENTRANCE, LETTER)


@pytest.mark.parametrize(
    "parts",
    [
        (STORE, INSIDE, UNSIGNED, ENTRANCE, LETTER),
        (STORE, INSIDE, UNSIGNED, ENTRANCE, VERDICT, ENTRANCE, LETTER),
        (STORE, INSIDE, ENTRANCE, VERDICT, LETTER),
        (STORE, INSIDE, ENTRANCE, VERDICT, ENTRANCE, LETTER),
        (STORE, INSIDE, VERDICT, LETTER),
        (VERDICT, LETTER),
        (STORE, INSIDE, VERDICT, ENTRANCE.replace("outlook.com (", "outlook.com.evil.test ("), LETTER),
        (STORE, INSIDE, VERDICT, ENTRANCE.replace("BL6PEPF0001AB59.", "evil"), LETTER),
        (
            STORE,
            ENTRANCE.replace("BL6PEPF0001AB59.mail.protection.outlook.com", "mx.evil.test"),
            VERDICT,
            ENTRANCE,
            LETTER,
        ),
        (STORE, INSIDE, VERDICT.replace("spf=pass (", "mx.evil.test; spf=pass ("), ENTRANCE, LETTER),
        (STORE, INSIDE, VERDICT.replace("from=harborline", "from=evil"), ENTRANCE, LETTER),
    ],
    ids=[
        "it says no",
        "it says no, and the sender brought a yes along",
        "the yes stands below the entrance",
        "the yes and another entrance stand below the entrance",
        "nowhere did it come in",
        "no station at all",
        "the entrance is elsewhere",
        "the entrance's name only ends alike",
        "a station of others stands above",
        "it bears a server's name",
        "it is about another sender",
    ],
)
def test_a_verdict_that_stands_elsewhere_is_the_senders_own(parts: tuple[str, ...]) -> None:
    assert not trusted(*parts)


def test_a_comment_in_a_station_names_none() -> None:
    disguised = ENTRANCE.replace("(192.0.2.25) by", "(x by y.mail.protection.outlook.com) by").replace(
        "BL6PEPF0001AB59.mail.protection.outlook.com", "mx.evil.test"
    )
    assert not trusted(STORE, INSIDE, VERDICT, disguised, LETTER)


def test_a_mailbox_elsewhere_does_not_believe_a_nameless_verdict() -> None:
    assert not trusted(STORE, INSIDE, VERDICT, ENTRANCE, LETTER, authserv="mx.lab.test")
