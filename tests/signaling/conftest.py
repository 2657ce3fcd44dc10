"""Property tests here run on shared machines: how long one example takes says nothing."""

from hypothesis import settings

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
