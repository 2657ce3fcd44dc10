import pytest

from signaling.config import MediaConfig
from signaling.errors import LocalError

SECRET = "a-secret-for-tests-of-32-bytes-or-more"


def test_settings_come_from_the_environment() -> None:
    config = MediaConfig.from_env(
        {
            "LIVEKIT_API_KEY": "key",
            "LIVEKIT_API_SECRET": SECRET,
            "CHIBO_MEDIA_PORT": "8880",
            "CHIBO_MEDIA_HOST": "0.0.0.0",
            "CHIBO_MEDIA_NODE_IP": "192.0.2.7, 2001:db8::7",
            "CHIBO_MEDIA_CODECS": "VP8,h264",
        }
    )
    assert (config.port, config.udp_port, config.tcp_port) == (8880, 7882, 7881)
    assert config.node_ips == ("192.0.2.7", "2001:db8::7")
    assert config.video_codecs == ("vp8", "h264")


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(LocalError) as caught:
        MediaConfig(api_key="", api_secret="short", tls_cert="a.pem", video_codecs=("theora",))
    for word in ("API_KEY", "API_SECRET", "TLS_KEY", "theora"):
        assert word in str(caught.value)


def test_the_secret_is_never_printed() -> None:
    assert SECRET not in repr(MediaConfig(api_key="key", api_secret=SECRET))


def test_a_port_that_is_no_number_is_refused() -> None:
    with pytest.raises(LocalError, match="CHIBO_MEDIA_PORT"):
        MediaConfig.from_env({"CHIBO_MEDIA_PORT": "http"})
