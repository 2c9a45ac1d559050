"""The command ``sendmail``: what cron, mail and a thousand scripts start to send a mail.

flags.py reads the command line; content.py the message; addresses.py and header.py whom it is for and what it lacks;
submission.py says it in SMTP, to the server's Unix socket (wire.py) or into its pickup directory (pickup.py);
handover.py decides which, and with what status the program ends. queue.py is ``mailq``.

It is started for each mail, so it loads little: the standard library, and of that no more than it needs.
"""
