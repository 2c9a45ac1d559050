"""The program: reads its command line and does what it says, and ends with a status of sysexits.h."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from mailsponge.sendmail import flags as command_line
from mailsponge.sendmail.addresses import BadAddress
from mailsponge.sendmail.content import TooLarge
from mailsponge.sendmail.flags import Flags, Misused
from mailsponge.sendmail.say import say
from mailsponge.sendmail.wire import NoAnswer


def main() -> None:
    """Run the command ``mailsponge-sendmail``, by whichever of its names; it ends the process."""
    try:
        status = run(command_line.parse(sys.argv), os.environ)
        if sys.stdout is not None:
            sys.stdout.flush()
    except Misused as error:
        status = say(str(error), os.EX_USAGE)
    except (BadAddress, TooLarge) as error:
        status = say(str(error), os.EX_DATAERR)
    except NoAnswer as error:
        status = say(str(error), os.EX_TEMPFAIL)
    except BrokenPipeError:  # whoever read what this says has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = os.EX_IOERR
    except OSError as error:
        status = say(str(error), os.EX_IOERR)
    except KeyboardInterrupt:
        status = os.EX_TEMPFAIL
    sys.exit(status)


def run(flags: Flags, environ: Mapping[str, str]) -> int:
    """Do what is asked for; returns the status. Raises Misused, BadAddress, TooLarge and OSError."""
    # Each loads what it needs, and no more.
    match flags.mode:
        case "send" | "verify":
            from mailsponge.sendmail import sending

            return sending.send(flags, environ) if flags.mode == "send" else sending.verify(flags, environ)
        case "smtp":
            from mailsponge.sendmail.passing import speak_smtp

            return speak_smtp(environ)
        case "queue" | "flush":
            from mailsponge.sendmail import queue

            return queue.show(flags) if flags.mode == "queue" else queue.flush(flags)
        case "aliases":
            print(
                "Nothing to do: aliases are read from the configuration; after a change there, send the server SIGHUP."
            )
        case _:
            print(command_line.HELP, end="")
    return os.EX_OK


if __name__ == "__main__":
    main()
