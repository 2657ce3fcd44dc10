package main

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// layer is one simulcast encoding: its frames a second, packets a frame, octets a packet.
type layer struct {
	rid                   string
	width, height         uint32
	quality               livekit.VideoQuality
	rate, packets, octets int
	bits                  uint32
}

var layers = []layer{
	{"q", 320, 180, livekit.VideoQuality_LOW, 20, 1, 800, 130_000},
	{"h", 640, 360, livekit.VideoQuality_MEDIUM, 24, 4, 900, 700_000},
	{"f", 1280, 720, livekit.VideoQuality_HIGH, 25, 8, 1050, 1_700_000},
}

const keyframeEvery = 10 * time.Second

func (c *client) publish() error {
	pc, err := c.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	c.publisher = pc
	c.sendCandidates(pc, livekit.SignalTarget_PUBLISHER)
	var waiting []chan struct{}
	var start []func()
	if c.who.Audio {
		track, err := webrtc.NewTrackLocalStaticRTP(
			webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "mic", "mic")
		if err != nil {
			return err
		}
		if _, err := pc.AddTrack(track); err != nil {
			return err
		}
		waiting = append(waiting, c.announce(&livekit.AddTrackRequest{Cid: "mic",
			Type: livekit.TrackType_AUDIO, Source: livekit.TrackSource_MICROPHONE, DisableRed: true}))
		start = append(start, func() { c.pumpAudio(track) })
	}
	if c.who.Video {
		tracks, sender, err := c.addCamera(pc)
		if err != nil {
			return err
		}
		request := &livekit.AddTrackRequest{Cid: "cam", Type: livekit.TrackType_VIDEO,
			Source: livekit.TrackSource_CAMERA, Width: 1280, Height: 720}
		for _, one := range layers {
			request.Layers = append(request.Layers, &livekit.VideoLayer{Quality: one.quality,
				Width: one.width, Height: one.height, Bitrate: one.bits})
		}
		waiting = append(waiting, c.announce(request))
		start = append(start, func() { c.pumpCamera(tracks, sender) })
	}
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			for _, one := range start {
				go one()
			}
		}
	})
	go func() {
		for _, one := range waiting {
			<-one
		}
		if err := c.offer(); err != nil {
			fmt.Println("offer:", err)
			c.counts.failed()
		}
	}()
	return nil
}

func (c *client) announce(request *livekit.AddTrackRequest) chan struct{} {
	waiting := make(chan struct{})
	c.awaited[request.Cid] = waiting
	c.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_AddTrack{AddTrack: request}})
	return waiting
}

func (c *client) addCamera(pc *webrtc.PeerConnection) ([]*webrtc.TrackLocalStaticRTP, *webrtc.RTPSender, error) {
	var tracks []*webrtc.TrackLocalStaticRTP
	var sender *webrtc.RTPSender
	for _, one := range layers {
		track, err := webrtc.NewTrackLocalStaticRTP(
			webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "cam", "cam",
			webrtc.WithRTPStreamID(one.rid))
		if err != nil {
			return nil, nil, err
		}
		tracks = append(tracks, track)
		if sender == nil {
			sender, err = pc.AddTrack(track)
		} else {
			err = sender.AddEncoding(track)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return tracks, sender, nil
}

func (c *client) offer() error {
	offer, err := c.publisher.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := c.publisher.SetLocalDescription(offer); err != nil {
		return err
	}
	c.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Offer{
		Offer: &livekit.SessionDescription{Type: "offer", Sdp: offer.SDP}}})
	return nil
}

func (c *client) pumpAudio(track *webrtc.TrackLocalStaticRTP) {
	packet := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111,
		SequenceNumber: uint16(rand.Int()), Timestamp: rand.Uint32()}, Payload: make([]byte, 110)}
	packet.Payload[0] = 0xf8
	for range time.Tick(20 * time.Millisecond) {
		packet.SequenceNumber++
		packet.Timestamp += 960
		c.write(track, packet)
	}
}

// pumpCamera sends all layers until their publisher is told to stop, a keyframe when asked for.
func (c *client) pumpCamera(tracks []*webrtc.TrackLocalStaticRTP, sender *webrtc.RTPSender) {
	for i, track := range tracks {
		wanted := make(chan struct{}, 1)
		go c.listen(sender, layers[i].rid, wanted)
		go c.pumpLayer(track, layers[i], sender, wanted)
	}
}

func (c *client) listen(sender *webrtc.RTPSender, rid string, wanted chan struct{}) {
	for {
		packets, _, err := sender.ReadSimulcastRTCP(rid)
		if err != nil {
			return
		}
		if asksKeyframe(packets) {
			select {
			case wanted <- struct{}{}:
			default:
			}
		}
	}
}

func (c *client) pumpLayer(track *webrtc.TrackLocalStaticRTP, one layer, sender *webrtc.RTPSender,
	wanted chan struct{}) {
	packet := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96,
		SequenceNumber: uint16(rand.Int()), Timestamp: rand.Uint32()}}
	picture := uint16(rand.Int()) & 0x7fff
	sinceKey := keyframeEvery
	step := time.Second / time.Duration(one.rate)
	ids := extensionIDs(sender)
	mid := c.midOf(sender)
	for range time.Tick(step) {
		key := sinceKey >= keyframeEvery
		select {
		case <-wanted:
			key = true
		default:
		}
		if key {
			sinceKey = 0
		}
		sinceKey += step
		picture = (picture + 1) & 0x7fff
		packet.Timestamp += uint32(90000 / one.rate)
		for n := 0; n < one.packets; n++ {
			packet.SequenceNumber++
			packet.Marker = n == one.packets-1
			packet.Payload = vp8(picture, n == 0, key, one)
			ids.stamp(packet, mid, one.rid)
			c.write(track, packet)
		}
	}
}

func (c *client) midOf(sender *webrtc.RTPSender) string {
	for _, one := range c.publisher.GetTransceivers() {
		if one.Sender() == sender {
			return one.Mid()
		}
	}
	return ""
}

func (c *client) write(track *webrtc.TrackLocalStaticRTP, packet *rtp.Packet) {
	end := packet.Payload[len(packet.Payload)-12:]
	binary.BigEndian.PutUint32(end, stamp)
	binary.BigEndian.PutUint64(end[4:], uint64(time.Now().UnixNano()))
	if track.WriteRTP(packet) == nil {
		c.counts.sent.Add(1)
	}
}

// vp8 makes a payload with a 15-bit picture number, RFC 7741 §4.2 and §4.3.
func vp8(picture uint16, first, key bool, one layer) []byte {
	payload := make([]byte, one.octets)
	payload[0], payload[1] = 0x80, 0x80
	binary.BigEndian.PutUint16(payload[2:], picture|0x8000)
	if !first {
		return payload
	}
	payload[0] |= 0x10
	payload[4] = 0x11 // an inter frame, shown
	if key {
		payload[4] = 0x10
		copy(payload[7:], []byte{0x9d, 0x01, 0x2a, byte(one.width), byte(one.width >> 8),
			byte(one.height), byte(one.height >> 8)})
	}
	return payload
}
