-- To accept a message is to deliver it: its row puts it into the mailboxes that it names, in the same statement.
CREATE TRIGGER message_is_delivered AFTER INSERT ON message BEGIN
    INSERT INTO entry (mailbox, message) SELECT value, NEW.id FROM json_each(NEW.mailboxes);
END;
