"""What both sides of a connection need, whoever began it: TLS between two buffers, and a deadline that moves often."""
