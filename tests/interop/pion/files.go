package main

import (
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/pion/webrtc/v4/pkg/media/ivfwriter"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"
	"github.com/pion/webrtc/v4/pkg/media/oggwriter"
)

// recorder writes one track's packets into a file that any player decodes.
type recorder struct {
	lock sync.Mutex
	file interface {
		WriteRTP(*rtp.Packet) error
		Close() error
	}
}

func (r *recorder) Close() {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.file.Close()
}

// record counts and writes a subscribed track until it ends.
func (c *plainClient) record(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	participant, _, _ := strings.Cut(track.StreamID(), "|")
	c.lock.Lock()
	name := c.identities[participant] + "/" + track.Kind().String()
	c.lock.Unlock()
	path := filepath.Join(c.settings.out, strings.ReplaceAll(name, "/", "-"))
	r := &recorder{}
	var err error
	if track.Kind() == webrtc.RTPCodecTypeVideo {
		r.file, err = ivfwriter.New(path+".ivf", ivfwriter.WithCodec(track.Codec().MimeType))
		c.subscriber.WriteRTCP([]rtcp.Packet{
			&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())},
		})
	} else {
		r.file, err = oggwriter.New(path+".ogg", 48000, 2)
	}
	if err != nil {
		log.Fatal(err)
	}
	c.lock.Lock()
	c.recorders[name] = r
	c.lock.Unlock()
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		r.lock.Lock()
		err = r.file.WriteRTP(packet)
		r.lock.Unlock()
		if err != nil {
			log.Print(name, ": ", err)
		}
		c.lock.Lock()
		c.report.Packets[name]++
		c.lock.Unlock()
	}
}

// newTrack plays a file over and over, in time.
func newTrack(kind livekit.TrackType, path string) (*webrtc.TrackLocalStaticSample, error) {
	mime, play := webrtc.MimeTypeOpus, playOgg
	if kind == livekit.TrackType_VIDEO {
		mime, play = webrtc.MimeTypeVP8, playIVF
	}
	name := "pion-" + strings.ToLower(kind.String())
	capability := webrtc.RTPCodecCapability{MimeType: mime}
	track, err := webrtc.NewTrackLocalStaticSample(capability, name, name)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			if err := play(track, strings.NewReader(string(data))); err != io.EOF {
				log.Fatal(path, ": ", err)
			}
		}
	}()
	return track, nil
}

func playIVF(track *webrtc.TrackLocalStaticSample, file io.Reader) error {
	reader, header, err := ivfreader.NewWith(file)
	if err != nil {
		return err
	}
	unit := time.Second * time.Duration(header.TimebaseNumerator) /
		time.Duration(header.TimebaseDenominator)
	ticker := time.NewTicker(unit)
	defer ticker.Stop()
	for range ticker.C {
		frame, _, err := reader.ParseNextFrame()
		if err != nil {
			return err
		}
		if err := track.WriteSample(media.Sample{Data: frame, Duration: unit}); err != nil {
			return err
		}
	}
	return nil
}

// playOgg expects one Opus packet of 20 ms on each page.
func playOgg(track *webrtc.TrackLocalStaticSample, file io.Reader) error {
	const length = 20 * time.Millisecond
	reader, _, err := oggreader.NewWith(file)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(length)
	defer ticker.Stop()
	for range ticker.C {
		page, _, err := reader.ParseNextPage()
		if err != nil {
			return err
		}
		if strings.HasPrefix(string(page), "OpusTags") {
			continue
		}
		if err := track.WriteSample(media.Sample{Data: page, Duration: length}); err != nil {
			return err
		}
	}
	return nil
}
