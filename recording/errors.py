"""Failures of the recording package.

RecordingError
├── BadManifest     a recording's manifest is missing or unreadable
├── BadConfig       a setting is missing or makes no sense
└── BadSegment      the data of a segment cannot be made into a playable file
"""


class RecordingError(Exception):
    code = "recording"


class BadManifest(RecordingError):
    code = "bad-manifest"


class BadConfig(RecordingError):
    code = "bad-config"


class BadSegment(RecordingError):
    code = "bad-segment"
