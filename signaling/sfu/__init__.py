"""The RTP plane: receives each track once and forwards it, undecoded, to those who take it."""
