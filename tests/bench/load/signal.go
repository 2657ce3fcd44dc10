package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/livekit"
	"github.com/pion/webrtc/v4"
	"google.golang.org/protobuf/proto"
)

// client is one participant's signalling socket and its two connections.
type client struct {
	plan   Plan
	who    Participant
	counts *counts
	socket *websocket.Conn
	writes sync.Mutex
	api    *webrtc.API
	sink   *sink // for the cheap kind of subscriber

	publisher, subscriber *webrtc.PeerConnection
	early                 []webrtc.ICECandidateInit
	awaited               map[string]chan struct{}
}

// join connects and stays until the process ends. Returns when the socket is open or has failed.
func join(plan Plan, who Participant, counts *counts) error {
	url := fmt.Sprintf("%s/rtc?protocol=16&sdk=go&auto_subscribe=%t", plan.URL, who.Subscribe)
	header := http.Header{"Authorization": {"Bearer " + who.Token}}
	socket, _, err := websocket.DefaultDialer.Dial(url, header)
	if err != nil {
		return err
	}
	c := &client{plan: plan, who: who, counts: counts, socket: socket,
		awaited: map[string]chan struct{}{}}
	if who.Subscribe && !who.Whole {
		if c.sink, err = newSink(counts); err != nil {
			return err
		}
	}
	if c.api, err = newAPI(c.sink); err != nil {
		return err
	}
	go c.read()
	return nil
}

func newAPI(sink *sink) (*webrtc.API, error) {
	engine := &webrtc.MediaEngine{}
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	err := engine.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8,
			ClockRate: 90000, RTCPFeedback: feedback},
		PayloadType: 96,
	}, webrtc.RTPCodecTypeVideo)
	if err != nil {
		return nil, err
	}
	err = engine.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus,
			ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"},
		PayloadType: 111,
	}, webrtc.RTPCodecTypeAudio)
	if err != nil {
		return nil, err
	}
	registry, err := interceptors(engine)
	if err != nil {
		return nil, err
	}
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if sink != nil {
		settings.SetICEUDPMux(webrtc.NewICEUDPMux(nil, sink))
	}
	settings.SetICETimeouts(10*time.Second, 30*time.Second, 2*time.Second)
	return webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings),
		webrtc.WithInterceptorRegistry(registry)), nil
}

func (c *client) send(message *livekit.SignalRequest) {
	data, err := proto.Marshal(message)
	if err != nil {
		panic(err)
	}
	c.writes.Lock()
	defer c.writes.Unlock()
	_ = c.socket.WriteMessage(websocket.BinaryMessage, data)
}

func (c *client) read() {
	for {
		_, data, err := c.socket.ReadMessage()
		if err != nil {
			c.counts.failed()
			return
		}
		message := &livekit.SignalResponse{}
		if proto.Unmarshal(data, message) == nil {
			if err := c.handle(message); err != nil {
				fmt.Println("{\"error\":", fmt.Sprintf("%q", err.Error()), "}")
				c.counts.failed()
			}
		}
	}
}

func (c *client) handle(message *livekit.SignalResponse) error {
	switch body := message.Message.(type) {
	case *livekit.SignalResponse_Join:
		c.counts.joined.Add(1)
		go c.ping()
		c.ask(body.Join.OtherParticipants)
		if c.who.Video || c.who.Audio {
			return c.publish()
		}
	case *livekit.SignalResponse_Offer:
		return c.answer(body.Offer)
	case *livekit.SignalResponse_Answer:
		return c.publisher.SetRemoteDescription(webrtc.SessionDescription{
			Type: webrtc.SDPTypeAnswer, SDP: body.Answer.Sdp})
	case *livekit.SignalResponse_Trickle:
		return c.trickle(body.Trickle)
	case *livekit.SignalResponse_Leave:
		c.counts.failed()
	case *livekit.SignalResponse_Update:
		c.ask(body.Update.Participants)
	case *livekit.SignalResponse_TrackPublished:
		if waiting, found := c.awaited[body.TrackPublished.Cid]; found {
			close(waiting)
			delete(c.awaited, body.TrackPublished.Cid)
		}
	}
	return nil
}

// ask sets the wished layer of every camera in the room.
func (c *client) ask(participants []*livekit.ParticipantInfo) {
	if !c.who.Subscribe {
		return
	}
	var sids []string
	for _, participant := range participants {
		for _, track := range participant.Tracks {
			if track.Type == livekit.TrackType_VIDEO {
				sids = append(sids, track.Sid)
			}
		}
	}
	if len(sids) > 0 {
		c.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_TrackSetting{
			TrackSetting: &livekit.UpdateTrackSettings{TrackSids: sids,
				Quality: livekit.VideoQuality(c.plan.Quality)}}})
	}
}

func (c *client) ping() {
	for now := range time.Tick(5 * time.Second) {
		c.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_PingReq{
			PingReq: &livekit.Ping{Timestamp: now.UnixMilli()}}})
	}
}

func (c *client) trickle(message *livekit.TrickleRequest) error {
	var candidate webrtc.ICECandidateInit
	if err := json.Unmarshal([]byte(message.CandidateInit), &candidate); err != nil {
		return err
	}
	if message.Target == livekit.SignalTarget_PUBLISHER {
		if c.publisher == nil || c.publisher.RemoteDescription() == nil {
			return nil // it stands in the answer again
		}
		return c.publisher.AddICECandidate(candidate)
	}
	if c.subscriber == nil || c.subscriber.RemoteDescription() == nil {
		c.early = append(c.early, candidate)
		return nil
	}
	return c.subscriber.AddICECandidate(candidate)
}

func (c *client) sendCandidates(pc *webrtc.PeerConnection, target livekit.SignalTarget) {
	pc.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate == nil {
			return
		}
		text, err := json.Marshal(candidate.ToJSON())
		if err == nil {
			c.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Trickle{
				Trickle: &livekit.TrickleRequest{CandidateInit: string(text), Target: target}}})
		}
	})
}
