package main

import (
	"encoding/binary"
	"net"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// sink is a socket that counts media by its clear header and keeps it from the slow stack above,
// which gets STUN, DTLS and RTCP. Feedback for what was kept is written from here.
type sink struct {
	*net.UDPConn
	counts *counts

	mutex   sync.Mutex
	number  uint8 // of the transport-wide extension, 0 until negotiated
	streams map[uint32]*window
	twcc    *twcc.Recorder
	begun   time.Time
}

func newSink(counts *counts) (*sink, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(4 << 20)
	return &sink{UDPConn: conn, counts: counts, streams: map[uint32]*window{},
		twcc: twcc.NewRecorder(1), begun: time.Now()}, nil
}

// ReadFrom returns what is not RTP.
func (s *sink) ReadFrom(buffer []byte) (int, net.Addr, error) {
	for {
		size, address, err := s.UDPConn.ReadFromUDP(buffer)
		if err != nil {
			return size, address, err
		}
		if size < 12 || buffer[0]>>6 != 2 || (buffer[1]&0x7f >= 64 && buffer[1]&0x7f < 96) {
			return size, address, nil
		}
		s.count(buffer[:size])
	}
}

func (s *sink) count(packet []byte) {
	s.counts.packets.Add(1)
	s.counts.octets.Add(uint64(len(packet)))
	ssrc := binary.BigEndian.Uint32(packet[8:])
	s.mutex.Lock()
	defer s.mutex.Unlock()
	stream := s.streams[ssrc]
	if stream == nil {
		stream = &window{}
		s.streams[ssrc] = stream
		s.counts.flowing.Add(1)
	}
	s.counts.lost.Add(stream.add(binary.BigEndian.Uint16(packet[2:])))
	if number, found := wideNumber(packet, s.number); found {
		s.twcc.Record(ssrc, number, time.Since(s.begun).Microseconds())
	}
}

// wideNumber is the transport-wide number among one-byte extensions, RFC 8285 §4.2.
func wideNumber(packet []byte, id uint8) (uint16, bool) {
	if id == 0 || packet[0]&0x10 == 0 {
		return 0, false
	}
	at := 12 + 4*int(packet[0]&0x0f)
	if len(packet) < at+4 || binary.BigEndian.Uint16(packet[at:]) != 0xbede {
		return 0, false
	}
	end := at + 4 + 4*int(binary.BigEndian.Uint16(packet[at+2:]))
	for at += 4; at < end && at+2 < len(packet); {
		size := int(packet[at]&0x0f) + 1
		switch packet[at] >> 4 {
		case 0:
			at++
			continue
		case id:
			return binary.BigEndian.Uint16(packet[at+1:]), true
		}
		at += 1 + size
	}
	return 0, false
}

var wideLine = regexp.MustCompile(`a=extmap:(\d+) http://www.ietf.org/id/draft-holmer-rmcat-transport-wide`)

// negotiated looks for the extension's number in the server's offer.
func (s *sink) negotiated(sdp string) {
	if found := wideLine.FindStringSubmatch(sdp); found != nil {
		id, _ := strconv.Atoi(found[1])
		s.mutex.Lock()
		s.number = uint8(id)
		s.mutex.Unlock()
	}
}

// report sends transport-wide feedback ten times, and receiver reports once, a second.
func (s *sink) report(pc *webrtc.PeerConnection) {
	for round := 0; ; round++ {
		time.Sleep(100 * time.Millisecond)
		s.mutex.Lock()
		packets := s.twcc.BuildFeedbackPacket()
		if round%10 == 0 {
			packets = append(packets, s.receiverReports()...)
		}
		s.mutex.Unlock()
		if len(packets) > 0 {
			_ = pc.WriteRTCP(packets)
		}
	}
}

func (s *sink) receiverReports() (packets []rtcp.Packet) {
	report := &rtcp.ReceiverReport{SSRC: 1}
	for ssrc, stream := range s.streams {
		report.Reports = append(report.Reports, rtcp.ReceptionReport{SSRC: ssrc,
			LastSequenceNumber: uint32(stream.highest)})
		if len(report.Reports) == 31 {
			packets = append(packets, report)
			report = &rtcp.ReceiverReport{SSRC: 1}
		}
	}
	if len(report.Reports) > 0 {
		packets = append(packets, report)
	}
	return packets
}
