package main

import (
	"encoding/binary"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/webrtc/v4"
)

const stamp = 0x43484942 // marks payloads that carry their time of sending

// interceptors of an ordinary client: reports, retransmission requests, transport-wide feedback.
func interceptors(engine *webrtc.MediaEngine) (*interceptor.Registry, error) {
	registry := &interceptor.Registry{}
	if err := webrtc.ConfigureSimulcastExtensionHeaders(engine); err != nil {
		return nil, err
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		engine.RegisterFeedback(webrtc.RTCPFeedback{Type: webrtc.TypeRTCPFBTransportCC}, kind)
		err := engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{
			URI: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"}, kind)
		if err != nil {
			return nil, err
		}
	}
	feedback, err := twcc.NewSenderInterceptor()
	if err != nil {
		return nil, err
	}
	stampNumbers, err := twcc.NewHeaderExtensionInterceptor()
	if err != nil {
		return nil, err
	}
	generator, err := nack.NewGeneratorInterceptor()
	if err != nil {
		return nil, err
	}
	responder, err := nack.NewResponderInterceptor()
	if err != nil {
		return nil, err
	}
	receiver, err := report.NewReceiverInterceptor()
	if err != nil {
		return nil, err
	}
	sender, err := report.NewSenderInterceptor()
	if err != nil {
		return nil, err
	}
	for _, one := range []interceptor.Factory{
		feedback, stampNumbers, generator, responder, receiver, sender} {
		registry.Add(one)
	}
	return registry, nil
}

// answer takes the server's offer for what this participant receives.
func (c *client) answer(offer *livekit.SessionDescription) error {
	if c.subscriber == nil {
		pc, err := c.api.NewPeerConnection(webrtc.Configuration{})
		if err != nil {
			return err
		}
		c.subscriber = pc
		c.sendCandidates(pc, livekit.SignalTarget_SUBSCRIBER)
		if c.sink != nil {
			go c.sink.report(pc)
		}
		pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { c.drain(track) })
	}
	if c.sink != nil {
		c.sink.negotiated(offer.Sdp)
	}
	err := c.subscriber.SetRemoteDescription(webrtc.SessionDescription{
		Type: webrtc.SDPTypeOffer, SDP: offer.Sdp})
	if err != nil {
		return err
	}
	for _, candidate := range c.early {
		if err := c.subscriber.AddICECandidate(candidate); err != nil {
			return err
		}
	}
	c.early = nil
	answer, err := c.subscriber.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := c.subscriber.SetLocalDescription(answer); err != nil {
		return err
	}
	c.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Answer{
		Answer: &livekit.SessionDescription{Type: "answer", Sdp: answer.SDP, Id: offer.Id}}})
	return nil
}

// drain counts one track's packets; a hole that is never filled counts as lost.
func (c *client) drain(track *webrtc.TrackRemote) {
	buffer := make([]byte, 1600)
	var seen window
	c.counts.flowing.Add(1)
	for {
		size, _, err := track.Read(buffer)
		if err != nil || size < 12 {
			c.counts.flowing.Add(-1)
			return
		}
		c.counts.packets.Add(1)
		c.counts.octets.Add(uint64(size))
		c.counts.lost.Add(seen.add(binary.BigEndian.Uint16(buffer[2:])))
		// The mark stands at the end of the payload, where no rewriting reaches.
		tail := buffer[size-12 : size]
		if binary.BigEndian.Uint32(tail) == stamp {
			sent := time.Unix(0, int64(binary.BigEndian.Uint64(tail[4:])))
			c.counts.delay(time.Since(sent))
		}
	}
}

// window follows the last 512 sequence numbers of a stream.
type window struct {
	begun   bool
	highest uint16
	got     [512]bool
}

// add notes a number and returns how many older ones have now left the window without arriving.
func (w *window) add(seq uint16) (lost uint64) {
	if !w.begun {
		w.begun, w.highest = true, seq
		for i := range w.got {
			w.got[i] = true
		}
		return 0
	}
	ahead := int16(seq - w.highest)
	for ; ahead > 0; ahead-- {
		w.highest++
		if !w.got[w.highest%512] {
			lost++
		}
		w.got[w.highest%512] = false
	}
	w.got[seq%512] = true
	return lost
}
