/** What the device signs: ballots and check-ins, each naming the end of the log it has seen. */
import type {
  BallotStatement,
  CheckInStatement,
  Choice,
  Motion,
  SessionView,
} from '$lib/api/types';
import { sign, type DeviceKey } from './keys';
import { statementHash, type Json } from './canonical';
import type { Seen } from './chain';

export interface Signed<S> {
  statement: S;
  signature: string;
  /** Hash of the statement: for a ballot, its receipt. */
  hash: string;
}

/** Above every ballot of this member, on this device or another. */
export const nextCounter = (view: SessionView, key: DeviceKey): number =>
  Math.max(key.counter, view.my_counter) + 1;

/** Hash of this member's last ballot in the session, on this device or another. */
export function previousBallot(view: SessionView, key: DeviceKey): string | null {
  // Confirmed here a moment ago, while the view still shows the time before.
  if (key.previous && key.previous.seq > view.head.seq) return key.previous.hash;
  return view.my_last_ballot ?? null;
}

export function ballotStatement(
  installation: string,
  view: SessionView,
  motion: Motion,
  choice: Choice,
  key: DeviceKey,
  seen: Seen,
): BallotStatement {
  if (!view.me) throw new Error('an officer has no ballot');
  return {
    purpose: 'ballot',
    installation,
    session: view.id,
    motion: motion.id,
    motion_hash: motion.hash,
    rule_version: motion.rule_version,
    choice,
    member: view.me,
    device: key.keyId,
    counter: nextCounter(view, key),
    previous: previousBallot(view, key),
    seen_seq: seen.seq,
    seen_head: seen.hash,
  };
}

export function checkInStatement(
  installation: string,
  view: SessionView,
  key: DeviceKey,
  seen: Seen,
): CheckInStatement {
  if (!view.me) throw new Error('an officer does not check in');
  return {
    purpose: 'check-in',
    installation,
    session: view.id,
    member: view.me,
    device: key.keyId,
    counter: nextCounter(view, key),
    seen_seq: seen.seq,
    seen_head: seen.hash,
  };
}

export async function signed<S extends object>(key: DeviceKey, statement: S): Promise<Signed<S>> {
  const json = statement as unknown as Json;
  const [signature, hash] = await Promise.all([sign(key, json), statementHash(json)]);
  return { statement, signature, hash };
}

/** `7K2M 94TX`: eight characters of the ballot's hash, easy to read out, in Crockford's base 32. */
export function ballotCode(hash: string): string {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const bits = BigInt(`0x${hash.slice(0, 10)}`);
  let code = '';
  for (let i = 7; i >= 0; i--) code += alphabet[Number((bits >> BigInt(5 * i)) & 31n)];
  return `${code.slice(0, 4)} ${code.slice(4)}`;
}
