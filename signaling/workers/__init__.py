"""Rooms spread over processes: a control process at the public port, workers with the media."""
