// Command pion joins a room as the Go clients do: two connections, the server offering on one.
//
// It publishes files, records what it subscribes to into one file per track, and answers each
// line "report" on its standard input with one line of JSON. It leaves at the end of the input.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
)

// Report is what has arrived so far: packets by "identity/kind", and the texts of data packets.
type Report struct {
	Connected bool           `json:"connected"`
	Packets   map[string]int `json:"packets"`
	Tracks    int            `json:"tracks"`
	Bytes     uint64         `json:"bytes"`
	Data      []string       `json:"data"`
	Left      string         `json:"left"`
}

type client interface {
	Report() Report
	Say(text string) error
	Leave()
}

type settings struct {
	url, token    string
	video, audio  string
	out           string
	autoSubscribe bool
}

func main() {
	var s settings
	flag.StringVar(&s.url, "url", "", "ws:// address of the server")
	flag.StringVar(&s.token, "token", "", "access token")
	flag.StringVar(&s.video, "video", "", "IVF file with VP8 to publish, again and again")
	flag.StringVar(&s.audio, "audio", "", "Ogg file with Opus to publish, again and again")
	flag.StringVar(&s.out, "out", "", "folder for what is received")
	flag.BoolVar(&s.autoSubscribe, "subscribe", true, "take every track")
	vendor := flag.Bool("vendor", false, "be the server project's own test client")
	flag.Parse()

	join := joinPlain
	if *vendor {
		join = joinVendor
	}
	joined, err := join(s)
	if err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		switch text := lines.Text(); text {
		case "report":
			line, err := json.Marshal(joined.Report())
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(string(line))
		default:
			if err := joined.Say(text); err != nil {
				log.Print(err)
			}
		}
	}
	joined.Leave()
}
