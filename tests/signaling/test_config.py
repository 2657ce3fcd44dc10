import pytest

from signaling.config import MediaConfig, default_workers
from signaling.errors import LocalError
from signaling.workers.worker import worker_config

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


def test_there_is_a_worker_for_each_core_and_a_media_port_for_each_worker() -> None:
    keys = {"LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": SECRET}
    assert MediaConfig.from_env(keys).workers == default_workers()
    three = MediaConfig.from_env(keys | {"CHIBO_MEDIA_WORKERS": "3"})
    own = [worker_config(three, index) for index in range(3)]
    assert [(w.udp_port, w.tcp_port) for w in own] == [(7882, 7881), (7883, 7882), (7884, 7883)]
    for wrong in ("0", "65", "many"):
        with pytest.raises(LocalError, match="CHIBO_MEDIA_WORKERS"):
            MediaConfig.from_env(keys | {"CHIBO_MEDIA_WORKERS": wrong})
    with pytest.raises(LocalError, match="udp port 65534"):
        MediaConfig(api_key="key", api_secret=SECRET, udp_port=65534, workers=3)


def test_the_secret_is_never_printed() -> None:
    assert SECRET not in repr(MediaConfig(api_key="key", api_secret=SECRET))


def test_a_port_that_is_no_number_is_refused() -> None:
    with pytest.raises(LocalError, match="CHIBO_MEDIA_PORT"):
        MediaConfig.from_env({"CHIBO_MEDIA_PORT": "http"})
