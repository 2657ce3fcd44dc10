// Command load is the cheap half of the media bench: many publishers and subscribers that speak
// the LiveKit protocol in dual mode, complete DTLS, and count what arrives.
//
// Standard input: one line of JSON for the plan, then one per participant. Standard output: a
// line of JSON each second with the totals since the start.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

// Plan is what all participants share.
type Plan struct {
	URL     string `json:"url"`
	Quality int    `json:"quality"` // the simulcast layer subscribers ask for: 0, 1, 2
}

// Participant is one connection: its token and what it publishes and takes.
type Participant struct {
	Token     string `json:"token"`
	Video     bool   `json:"video"`
	Audio     bool   `json:"audio"`
	Subscribe bool   `json:"subscribe"`
	Whole     bool   `json:"whole"` // decrypts, repairs and measures delay; others only count
}

// Report is one line of output. Delays are those of packets that carry their time of sending.
type Report struct {
	Joined     int    `json:"joined"`
	Flowing    int    `json:"flowing"`
	Packets    uint64 `json:"packets"`
	Octets     uint64 `json:"octets"`
	Lost       uint64 `json:"lost"`
	Sent       uint64 `json:"sent"`
	DelayCount uint64 `json:"delay_count"`
	DelayP50   int64  `json:"delay_p50_us"`
	DelayP99   int64  `json:"delay_p99_us"`
	DelayMax   int64  `json:"delay_max_us"`
	Errors     int    `json:"errors"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<16), 1<<20)
	var plan Plan
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &plan) != nil {
		fmt.Fprintln(os.Stderr, "the first line must be the plan")
		os.Exit(2)
	}
	counts := newCounts()
	go counts.print()
	var joining sync.WaitGroup
	for lines.Scan() {
		var one Participant
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			fmt.Fprintln(os.Stderr, "bad participant:", err)
			os.Exit(2)
		}
		joining.Add(1)
		go func() {
			defer joining.Done()
			if err := join(plan, one, counts); err != nil {
				fmt.Fprintln(os.Stderr, "join:", err)
				counts.failed()
			}
		}()
		time.Sleep(20 * time.Millisecond) // a crowd arrives, but not in one instant
	}
	joining.Wait()
	select {}
}
