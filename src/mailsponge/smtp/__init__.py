"""The SMTP protocol, sans I/O: bytes in, events out; replies in, bytes out."""
