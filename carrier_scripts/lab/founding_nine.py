"""The carriers that came after the first three, and the logins there; everyone and everything in it is invented."""

from carrier_scripts.lab.facts import Account, Carrier

_EVERYWHERE = ("phoenix", "tucson", "flagstaff")

NINE: tuple[Carrier, ...] = (
    Carrier(
        key="copper_mesa_nv",
        name="Copper Mesa Dental of Nevada",
        short="Copper Mesa NV",
        hosts=("coppermesa-nv.sim.test",),
        start_url="https://coppermesa-nv.sim.test/Account/Login",
        provider_line="702-555-0119",
        member_prefix="CN3",
        claim_prefix="CV",
        code_senders=("verify@coppermesa-nv.sim.test",),
        code_subject="Copper Mesa of Nevada verification code",
        code_life="5 minutes",
        postal="P.O. Box 220, Mesa Flats",
    ),
    Carrier(
        key="bluestone_mutual",
        name="Bluestone Mutual",
        short="Bluestone",
        hosts=("bluestone.sim.test",),
        start_url="https://bluestone.sim.test/provider/login",
        provider_line="303-555-0121",
        member_prefix="BM7",
        claim_prefix="BL",
        code_senders=("passcode@bluestone.sim.test",),
        code_subject="Your Bluestone passcode",
        postal="P.O. Box 77, Blue Quarry",
    ),
    Carrier(
        key="oldfield_guild",
        name="Oldfield Guild Life & Dental",
        short="Oldfield Guild",
        hosts=("oldfieldguild.sim.test",),
        start_url="https://oldfieldguild.sim.test/guild/default.asp",
        provider_line="800-555-0107",
        member_prefix="OG9",
        claim_prefix="OF",
    ),
    Carrier(
        key="evergreen_medicaid",
        name="Evergreen State Medicaid",
        short="Evergreen",
        hosts=("evergreen.sim.test",),
        start_url="https://evergreen.sim.test/portal/Logon.do",
        provider_line="360-555-0146",
        member_prefix="EM8",
        claim_prefix="EV",
    ),
)

LOOKALIKES_OF_NINE = {
    "copper_mesa_nv": "coppermesa-nv-login.sim.test",
    "bluestone_mutual": "bluestone-providers.sim.test",
    "oldfield_guild": "oldfield-guild.sim.test",
    "evergreen_medicaid": "evergreen-providers.sim.test",
}

ACCOUNTS_OF_NINE: tuple[Account, ...] = (
    Account(
        key="copper_mesa_nv-1",
        carrier="copper_mesa_nv",
        username="rgarcia.nv",
        password="Mica-Plover-5520",
        login_kind="individual",
        channel="email",
        locations=_EVERYWHERE,
        address="codes+copper_mesa_nv-1@lab.test",
        masked="c•••1@lab.test",
    ),
    Account(
        key="bluestone_mutual-1",
        carrier="bluestone_mutual",
        username="tnakai7",
        password="Feldspar-Grebe-8113",
        login_kind="individual",
        channel="email",
        locations=_EVERYWHERE,
        address="codes+bluestone_mutual-1@lab.test",
        masked="c•••1@lab.test",
        answers=(
            ("What was the name of your first street?", "Juniper Bend"),
            ("Which town did you finish school in?", "Winkelman"),
            ("What did your family call your first pet?", "Biscuit"),
        ),
    ),
    Account(
        key="oldfield_guild-1",
        carrier="oldfield_guild",
        username="SAGPHX",
        password="Wren4170",
        login_kind="practice_shared",
        channel="none",
        locations=("phoenix",),
    ),
    Account(
        key="evergreen_medicaid-1",
        carrier="evergreen_medicaid",
        username="EVDEL40917",
        password="Gneiss-Dipper-3306",
        login_kind="delegate",
        channel="totp",
        locations=("phoenix",),
        totp_seed="MFZWIZLBONSGKLABEVERGREENMEDICA2",
    ),
)
