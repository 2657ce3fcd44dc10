package main

import (
	"time"

	"github.com/livekit/livekit-server/pkg/telemetry/prometheus"
	lk "github.com/livekit/livekit-server/test/client"
	"github.com/livekit/protocol/livekit"
)

// vendorClient is the test client of LiveKit's server: it counts what comes and drops it.
type vendorClient struct {
	rtc *lk.RTCClient
}

func joinVendor(s settings) (client, error) {
	// Its transports are the server's own, which count themselves.
	if err := prometheus.Init("test", livekit.NodeType_SERVER); err != nil {
		return nil, err
	}
	options := &lk.Options{AutoSubscribe: s.autoSubscribe}
	socket, err := lk.NewWebSocketConn(s.url, s.token, options)
	if err != nil {
		return nil, err
	}
	rtc, err := lk.NewRTCClient(socket, false, options)
	if err != nil {
		return nil, err
	}
	go rtc.Run()
	if err := rtc.WaitUntilConnected(20 * time.Second); err != nil {
		return nil, err
	}
	for _, path := range []string{s.video, s.audio} {
		if path == "" {
			continue
		}
		if _, err := rtc.AddFileTrack(path, path, path); err != nil {
			return nil, err
		}
	}
	return &vendorClient{rtc}, nil
}

func (v *vendorClient) Report() Report {
	tracks := 0
	for _, of := range v.rtc.SubscribedTracks() {
		tracks += len(of)
	}
	return Report{Connected: true, Tracks: tracks, Bytes: v.rtc.BytesReceived()}
}

func (v *vendorClient) Say(text string) error {
	return v.rtc.PublishData([]byte(text), livekit.DataPacket_RELIABLE)
}

func (v *vendorClient) Leave() { v.rtc.Stop() }
