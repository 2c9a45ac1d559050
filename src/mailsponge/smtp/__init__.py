"""The SMTP protocol, sans I/O: bytes in, events out; replies in, bytes out.

The story: what comes from a client goes into the *buffer*, which gives it out again a line at a time. *Syntax* makes
words of a line, and the table in *states* says whether that command may come now and where it leads. What may come
becomes an *event*, which the driving program answers, with the event's own reply or another; what may not becomes a
Bad, whose reply says what to do instead. The answer's code decides whether the session moves on. After DATA has been
answered with 354 every byte is the message's, and *data* alone says where it ends; after BDAT the octets are counted
(*chunks*); and what a message may hold is the same by either way (*soundness*). Then the program keeps what it was
given, or refuses it, and the session is ready for the next. STARTTLS, AUTH and LMTP are there if the program makes an
*offer* of them. Sockets, deadlines, passwords, and who may write to whom are the driver's affair; nothing here touches
them.
"""

from mailsponge.smtp.events import (
    NEED_DATA,
    Authenticate,
    AuthResponse,
    Bad,
    Chunk,
    Closed,
    Content,
    Data,
    EndOfChunk,
    EndOfData,
    Event,
    Hello,
    Help,
    Mail,
    NeedData,
    Noop,
    Question,
    Quit,
    Recipient,
    Reset,
    StartTls,
    Verify,
)
from mailsponge.smtp.limits import Limits
from mailsponge.smtp.offer import Offer
from mailsponge.smtp.sasl import challenge
from mailsponge.smtp.server import Server
from mailsponge.smtp.states import State

__all__ = [
    "NEED_DATA",
    "AuthResponse",
    "Authenticate",
    "Bad",
    "Chunk",
    "Closed",
    "Content",
    "Data",
    "EndOfChunk",
    "EndOfData",
    "Event",
    "Hello",
    "Help",
    "Limits",
    "Mail",
    "NeedData",
    "Noop",
    "Offer",
    "Question",
    "Quit",
    "Recipient",
    "Reset",
    "Server",
    "StartTls",
    "State",
    "Verify",
    "challenge",
]
