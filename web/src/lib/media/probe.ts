/** A short test of the line before the room: round trip, and how fast bytes come. */
import type { Line } from '$lib/ui/LineBars.svelte';
import bold from '../../fonts/latin-700.woff2?url';
import medium from '../../fonts/latin-500.woff2?url';
import plain from '../../fonts/vietnamese-500.woff2?url';

export interface Probe {
  /** Milliseconds. */
  rtt: number;
  /** Kilobits in a second, downwards. */
  kbps: number;
}

const TRIPS = 4;

async function fetched(path: string): Promise<number> {
  const response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(15_000) });
  return (await response.arrayBuffer()).byteLength;
}

/** Some 20 KB in all: enough to tell a good line from a poor one, cheap on any. */
export async function probe(now: () => number = () => performance.now()): Promise<Probe> {
  let rtt = Infinity;
  for (let i = 0; i < TRIPS; i++) {
    const start = now();
    await fetched('/api/installation');
    rtt = Math.min(rtt, now() - start);
  }
  const start = now();
  const sizes = await Promise.all([bold, medium, plain].map(fetched));
  const seconds = Math.max(0.001, (now() - start - rtt) / 1000);
  const bits = 8 * sizes.reduce((sum, size) => sum + size, 0);
  return { rtt, kbps: bits / 1000 / seconds };
}

/** What that line can carry: pictures need some 500 kbit/s, sound some 60. */
export function verdict({ rtt, kbps }: Probe): Exclude<Line, 'none'> {
  if (kbps < 150 || rtt > 1500) return 'poor';
  if (kbps < 700 || rtt > 400) return 'fair';
  return 'good';
}

/** Kilobits in a second for both ways together. */
export const COST_KBPS = {
  /** Own camera in three layers, one large and four small pictures, sound. */
  good: 670 + 450 + 4 * 60 + 60,
  /** Small pictures only. */
  fair: 220 + 160 + 4 * 60 + 60,
  listenOnly: 45,
} as const;
