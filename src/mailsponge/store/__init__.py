"""What the post office keeps: messages, mailboxes, and why each thing happened."""
