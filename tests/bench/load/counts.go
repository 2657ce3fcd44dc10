package main

import (
	"encoding/json"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

const maxDelays = 1 << 16

// counts is shared by all participants. Delays are sampled into a ring.
type counts struct {
	joined, flowing, errors atomic.Int64
	packets, octets, lost   atomic.Uint64
	sent                    atomic.Uint64

	mutex  sync.Mutex
	delays []int64 // microseconds
	seen   uint64
}

func newCounts() *counts { return &counts{} }

func (c *counts) failed() { c.errors.Add(1) }

func (c *counts) delay(d time.Duration) {
	c.mutex.Lock()
	if len(c.delays) < maxDelays {
		c.delays = append(c.delays, d.Microseconds())
	} else {
		c.delays[c.seen%maxDelays] = d.Microseconds()
	}
	c.seen++
	c.mutex.Unlock()
}

// takeDelays returns the percentiles since the last call, and forgets.
func (c *counts) takeDelays() (count uint64, p50, p99, most int64) {
	c.mutex.Lock()
	taken, seen := c.delays, c.seen
	c.delays, c.seen = make([]int64, 0, maxDelays), 0
	c.mutex.Unlock()
	if len(taken) == 0 {
		return
	}
	sort.Slice(taken, func(i, j int) bool { return taken[i] < taken[j] })
	at := func(part float64) int64 { return taken[int(part*float64(len(taken)-1))] }
	return seen, at(0.5), at(0.99), taken[len(taken)-1]
}

func (c *counts) print() {
	out := json.NewEncoder(os.Stdout)
	for range time.Tick(time.Second) {
		count, p50, p99, most := c.takeDelays()
		_ = out.Encode(Report{
			Joined: int(c.joined.Load()), Flowing: int(c.flowing.Load()),
			Packets: c.packets.Load(), Octets: c.octets.Load(), Lost: c.lost.Load(),
			Sent: c.sent.Load(), DelayCount: count, DelayP50: p50, DelayP99: p99, DelayMax: most,
			Errors: int(c.errors.Load()),
		})
	}
}
