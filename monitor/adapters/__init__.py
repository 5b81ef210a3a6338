"""How the world does it: one folder an outside thing. Adapters do not know each other."""
