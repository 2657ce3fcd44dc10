package main

import (
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// extensionNumbers are those negotiated for simulcast, 0 if not.
type extensionNumbers struct{ mid, rid uint8 }

func extensionIDs(sender *webrtc.RTPSender) (ids extensionNumbers) {
	for _, one := range sender.GetParameters().HeaderExtensions {
		switch one.URI {
		case "urn:ietf:params:rtp-hdrext:sdes:mid":
			ids.mid = uint8(one.ID)
		case "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id":
			ids.rid = uint8(one.ID)
		}
	}
	return
}

func (ids extensionNumbers) stamp(packet *rtp.Packet, mid, rid string) {
	if ids.mid != 0 {
		_ = packet.SetExtension(ids.mid, []byte(mid))
	}
	if ids.rid != 0 {
		_ = packet.SetExtension(ids.rid, []byte(rid))
	}
}

func asksKeyframe(packets []rtcp.Packet) bool {
	for _, one := range packets {
		switch one.(type) {
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			return true
		}
	}
	return false
}
