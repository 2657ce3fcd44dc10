/** Reads loss and round trip from WebRTC statistics; nothing here is LiveKit's. */
import type { Sample } from './line';

interface Counted {
  received: number;
  lost: number;
}

/** Keeps the last counters per stream, so that each call judges only what is new. */
export class Meter {
  #before = new Map<string, Counted>();

  sample(reports: readonly RTCStatsReport[]): Sample {
    let [received, lost, rtt] = [0, 0, null as number | null];
    for (const report of reports) {
      for (const raw of report.values()) {
        const entry = raw as Record<string, unknown> & { id: string; type: string };
        if (entry.type === 'inbound-rtp') {
          const now = {
            received: Number(entry.packetsReceived ?? 0),
            lost: Number(entry.packetsLost ?? 0),
          };
          const before = this.#before.get(entry.id) ?? now;
          this.#before.set(entry.id, now);
          received += Math.max(0, now.received - before.received);
          lost += Math.max(0, now.lost - before.lost);
        } else if (entry.type === 'candidate-pair' && entry.nominated) {
          const trip = Number(entry.currentRoundTripTime);
          if (Number.isFinite(trip)) rtt = Math.max(rtt ?? 0, trip * 1000);
        }
      }
    }
    const all = received + lost;
    return { loss: all > 0 ? lost / all : null, rtt };
  }
}
