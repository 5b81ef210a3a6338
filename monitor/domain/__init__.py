"""What we know and decide: plain values and pure functions, standard library only."""
