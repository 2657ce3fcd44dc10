/** Checks that the log's headers follow each other and that history has not changed. */
import type { EventHeader } from '$lib/api/types';
import { statementHash } from './canonical';

/** As far as this device has seen the log. */
export interface Seen {
  seq: number;
  hash: string;
}

/** What a line, a head or an answer can fail: `at` is the first line that does not fit. */
export interface Fault {
  intact: false;
  at: number;
  why: 'changed' | 'unlinked' | 'hash' | 'key' | 'signature' | 'answer' | 'witness';
}

export type Verdict = { intact: true; seen: Seen } | Fault;

/** `hash` covers these fields in canonical JSON. */
async function recomputed(session: string, header: EventHeader): Promise<string> {
  const { seq, prev, type, time, actor, payload_hash } = header;
  return statementHash({ session, seq, prev, type, time, actor, payload_hash });
}

/**
 * Follows `headers` from what was seen before. Repeats of lines already passed are allowed, but
 * the line at `seen.seq` must still have the same hash.
 */
export async function follow(
  session: string,
  seen: Seen | null,
  headers: readonly EventHeader[],
): Promise<Verdict> {
  let last = seen;
  for (const header of headers) {
    if (last && header.seq < last.seq) continue;
    if (last && header.seq === last.seq) {
      if (header.hash !== last.hash) return { intact: false, at: header.seq, why: 'changed' };
      continue;
    }
    if (last && (header.seq !== last.seq + 1 || header.prev !== last.hash)) {
      return { intact: false, at: header.seq, why: 'unlinked' };
    }
    if ((await recomputed(session, header)) !== header.hash) {
      return { intact: false, at: header.seq, why: 'hash' };
    }
    last = { seq: header.seq, hash: header.hash };
  }
  if (!last) throw new RangeError('a log has at least one line');
  return { intact: true, seen: last };
}
