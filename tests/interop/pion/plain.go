package main

import (
	"fmt"
	"log"
	"maps"
	"net/http"
	"net/url"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/signalling"
	"github.com/pion/webrtc/v4"
	"google.golang.org/protobuf/proto"
)

// plainClient is pion with its defaults and nothing of the vendor's but the messages.
type plainClient struct {
	settings settings
	socket   *websocket.Conn
	writing  sync.Mutex

	publisher, subscriber *webrtc.PeerConnection
	offerAgain            bool
	reliable              *webrtc.DataChannel
	tracks                map[string]*webrtc.TrackLocalStaticSample // by cid, until published

	lock       sync.Mutex
	identities map[string]string
	recorders  map[string]*recorder
	report     Report
	done       chan struct{}
}

func joinPlain(s settings) (client, error) {
	query := url.Values{"protocol": {"16"}, "sdk": {"go"}}
	query.Set("auto_subscribe", fmt.Sprint(s.autoSubscribe))
	header := http.Header{"Authorization": {"Bearer " + s.token}}
	socket, _, err := websocket.DefaultDialer.Dial(s.url+"/rtc?"+query.Encode(), header)
	if err != nil {
		return nil, err
	}
	c := &plainClient{
		settings:   s,
		socket:     socket,
		tracks:     map[string]*webrtc.TrackLocalStaticSample{},
		identities: map[string]string{},
		recorders:  map[string]*recorder{},
		report:     Report{Packets: map[string]int{}},
		done:       make(chan struct{}),
	}
	go c.run()
	return c, nil
}

func (c *plainClient) run() {
	defer close(c.done)
	for {
		_, data, err := c.socket.ReadMessage()
		if err != nil {
			return
		}
		message := &livekit.SignalResponse{}
		if err := proto.Unmarshal(data, message); err != nil {
			log.Fatal(err)
		}
		if err := c.handle(message); err != nil {
			log.Fatal(err)
		}
	}
}

func (c *plainClient) handle(message *livekit.SignalResponse) error {
	switch m := message.Message.(type) {
	case *livekit.SignalResponse_Join:
		c.learn(m.Join.OtherParticipants)
		return c.open(m.Join)
	case *livekit.SignalResponse_Update:
		c.learn(m.Update.Participants)
	case *livekit.SignalResponse_Offer:
		return c.answer(m.Offer)
	case *livekit.SignalResponse_Answer:
		description, _, _ := signalling.FromProtoSessionDescription(m.Answer)
		if err := c.publisher.SetRemoteDescription(description); err != nil || !c.offerAgain {
			return err
		}
		return c.offer()
	case *livekit.SignalResponse_TrackPublished:
		track := c.tracks[m.TrackPublished.Cid]
		if track == nil {
			return nil
		}
		if _, err := c.publisher.AddTrack(track); err != nil {
			return err
		}
		return c.offer()
	case *livekit.SignalResponse_Leave:
		c.lock.Lock()
		c.report.Left = m.Leave.Reason.String()
		c.lock.Unlock()
	}
	return nil
}

func (c *plainClient) learn(participants []*livekit.ParticipantInfo) {
	c.lock.Lock()
	defer c.lock.Unlock()
	for _, p := range participants {
		c.identities[p.Sid] = p.Identity
	}
}

func (c *plainClient) send(request *livekit.SignalRequest) error {
	data, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.socket.WriteMessage(websocket.BinaryMessage, data)
}

// open makes both connections once the server has said which TURN servers there are.
func (c *plainClient) open(join *livekit.JoinResponse) error {
	var servers []webrtc.ICEServer
	for _, s := range join.IceServers {
		servers = append(servers, webrtc.ICEServer{
			URLs: s.Urls, Username: s.Username, Credential: s.Credential,
		})
	}
	var err error
	for target, connection := range map[livekit.SignalTarget]**webrtc.PeerConnection{
		livekit.SignalTarget_PUBLISHER:  &c.publisher,
		livekit.SignalTarget_SUBSCRIBER: &c.subscriber,
	} {
		*connection, err = webrtc.NewPeerConnection(webrtc.Configuration{ICEServers: servers})
		if err != nil {
			return err
		}
		(*connection).OnICECandidate(func(candidate *webrtc.ICECandidate) {
			if candidate != nil {
				trickle := signalling.ToProtoTrickle(candidate.ToJSON(), target, false)
				c.send(&livekit.SignalRequest{
					Message: &livekit.SignalRequest_Trickle{Trickle: trickle},
				})
			}
		})
	}
	c.subscriber.OnTrack(c.record)
	c.subscriber.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnMessage(func(m webrtc.DataChannelMessage) { c.heard(m.Data) })
	})
	c.subscriber.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		c.lock.Lock()
		defer c.lock.Unlock()
		c.report.Connected = state == webrtc.PeerConnectionStateConnected
	})
	if c.reliable, err = c.publisher.CreateDataChannel("_reliable", nil); err != nil {
		return err
	}
	return c.publish()
}

func (c *plainClient) publish() error {
	for kind, path := range map[livekit.TrackType]string{
		livekit.TrackType_AUDIO: c.settings.audio,
		livekit.TrackType_VIDEO: c.settings.video,
	} {
		if path == "" {
			continue
		}
		track, err := newTrack(kind, path)
		if err != nil {
			return err
		}
		c.tracks[track.ID()] = track
		request := &livekit.AddTrackRequest{
			Cid: track.ID(), Name: kind.String(), Type: kind, Source: livekit.TrackSource_MICROPHONE,
		}
		if kind == livekit.TrackType_VIDEO {
			request.Source = livekit.TrackSource_CAMERA
		}
		err = c.send(&livekit.SignalRequest{
			Message: &livekit.SignalRequest_AddTrack{AddTrack: request},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// offer waits for the answer to the last offer, if there is one to come.
func (c *plainClient) offer() error {
	c.offerAgain = c.publisher.SignalingState() != webrtc.SignalingStateStable
	if c.offerAgain {
		return nil
	}
	offer, err := c.publisher.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := c.publisher.SetLocalDescription(offer); err != nil {
		return err
	}
	return c.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Offer{
		Offer: signalling.ToProtoSessionDescription(offer, 0, nil),
	}})
}

func (c *plainClient) answer(offer *livekit.SessionDescription) error {
	description, number, _ := signalling.FromProtoSessionDescription(offer)
	if err := c.subscriber.SetRemoteDescription(description); err != nil {
		return err
	}
	answer, err := c.subscriber.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := c.subscriber.SetLocalDescription(answer); err != nil {
		return err
	}
	return c.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Answer{
		Answer: signalling.ToProtoSessionDescription(answer, number, nil),
	}})
}

func (c *plainClient) heard(data []byte) {
	packet := &livekit.DataPacket{}
	if err := proto.Unmarshal(data, packet); err != nil {
		return
	}
	if user := packet.GetUser(); user != nil {
		c.lock.Lock()
		defer c.lock.Unlock()
		c.report.Data = append(c.report.Data, string(user.Payload))
	}
}

func (c *plainClient) Say(text string) error {
	data, err := proto.Marshal(&livekit.DataPacket{Value: &livekit.DataPacket_User{
		User: &livekit.UserPacket{Payload: []byte(text)},
	}})
	if err != nil {
		return err
	}
	return c.reliable.Send(data)
}

func (c *plainClient) Report() Report {
	c.lock.Lock()
	defer c.lock.Unlock()
	report := c.report
	report.Packets = maps.Clone(c.report.Packets)
	report.Tracks = len(c.recorders)
	return report
}

func (c *plainClient) Leave() {
	leave := &livekit.LeaveRequest{Reason: livekit.DisconnectReason_CLIENT_INITIATED}
	c.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Leave{Leave: leave}})
	for _, connection := range []*webrtc.PeerConnection{c.publisher, c.subscriber} {
		if connection != nil {
			connection.Close()
		}
	}
	c.socket.Close()
	<-c.done
	c.lock.Lock()
	defer c.lock.Unlock()
	for _, r := range c.recorders {
		r.Close()
	}
}
