"""One message through aiosmtplib, as a program: it goes away without waiting for its connection's end.

    python send_with_aiosmtplib.py '{"smtp": {…}, "envelope": […], "parameters": […], "login": ["PLAIN", "me", "…"]}'

``smtp`` are the arguments of aiosmtplib.SMTP; ``login`` may be null; the message is on standard input. What a server
refused is printed, and the status is 1.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aiosmtplib


async def send(wish: dict[str, Any], content: bytes) -> None:
    async with aiosmtplib.SMTP(**wish["smtp"]) as smtp:
        if wish["login"]:
            mechanism, *login = wish["login"]
            await smtp.ehlo()
            await {"PLAIN": smtp.auth_plain, "LOGIN": smtp.auth_login}[mechanism](*login)
        await smtp.sendmail(*wish["envelope"], content, mail_options=wish["parameters"])


if __name__ == "__main__":
    try:
        asyncio.run(send(json.loads(sys.argv[1]), sys.stdin.buffer.read()))
    except aiosmtplib.SMTPRecipientsRefused as refused:
        sys.exit("\n".join(f"{each.code} {each.message}" for each in refused.recipients))
    except aiosmtplib.SMTPResponseException as refused:
        sys.exit(f"{refused.code} {refused.message}")
    except aiosmtplib.SMTPException as error:
        sys.exit(str(error))
