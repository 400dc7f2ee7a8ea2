"""How processes talk: sockets, message encoding, keys."""
