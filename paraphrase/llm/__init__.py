"""Instructions from a language model: what to ask, how to call the server, what to keep of the answers."""
