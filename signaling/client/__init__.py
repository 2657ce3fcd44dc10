"""A headless client of the LiveKit protocol that hands over encoded media, never decoding it."""
