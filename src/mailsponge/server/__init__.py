"""The listener: sockets, deadlines and limits around the SMTP engine."""
