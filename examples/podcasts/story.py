"""The story that the demo plays: what is broken in each run, and which mails a person should have after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from feedserver import Breakage

SHOWS = {
    "soendag.xml": "Søndag på P1",
    "harbour.atom": "The Harbour Hour",
    "cafe.xml": "Café de minuit",
    "kiosk.xml": "Q&A at the Kiosk",
    "tenki.xml": "深夜の天気図",
    "funkloch.atom": "Grüße aus dem Funkloch",
}
"""Each feed's file and the title inside it."""

EPISODES = 9
"""How many there are to download in all."""


READER = "you"
PHONE = "phone.example"
"""Where the reader's mail goes on to, by way of another post office."""


NOTHING: Mapping[str, Breakage] = {}


class Step(NamedTuple):
    """One run of the podcast client, in a world that is described whole: what is not named here works."""

    tells: str
    broken: Mapping[str, Breakage] = NOTHING
    network_down: bool = False
    mail: tuple[str, ...] = ()
    """What the subject of the one mail of this run says, in parts; nothing: no mail."""

    @property
    def fails(self) -> bool:
        """Whether the client has something to complain about."""
        return self.network_down or bool(self.broken)


GONE = {"soendag.xml": Breakage.NOT_FOUND}

STORY = (
    Step("All is well: six shows, and all they have is new."),
    Step("A hiccup: the Kiosk's server answers with an error.", {"kiosk.xml": Breakage.SERVER_ERROR}),
    Step("It was only a hiccup."),
    Step("Søndag på P1 is gone: 404.", GONE),
    Step("Still gone, and the Café sends malformed XML, once.", GONE | {"cafe.xml": Breakage.MALFORMED}),
    Step("Gone for the third time: now a person should know.", GONE, mail=("Søndag på P1", "has failed")),
    Step("Still gone; but that was said.", GONE),
    Step("The network is down: every show fails.", GONE, network_down=True),
    Step("The network is back; the Funkloch is silent, once.", GONE | {"funkloch.atom": Breakage.SILENT}),
    Step("Søndag på P1 is mended: whoever was worried should know.", mail=("Søndag på P1", "works again")),
    Step("All is well, and nothing needs to be said."),
)
