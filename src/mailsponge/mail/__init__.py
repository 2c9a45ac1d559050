"""The nouns of mail: address, envelope, reply, trace header. Pure values; nothing here touches the world."""
