/**
 * Watches one session's log for this device: its links, the installation's signatures on heads and
 * answers, the upper committee's countersignature. What fails once stays failed.
 */
import type { Ack, EventHeader, Head, Installation, SessionView } from '$lib/api/types';
import { follow, type Fault, type Seen } from './chain';
import { pin, trusted, verifier, type Verifier } from './pins';

type Countersignature = NonNullable<SessionView['witnessed']>;

/** Times are signed as the log writes them: UTC with milliseconds. */
const signedTime = (time: string) => new Date(time).toISOString();

const fault = (why: Fault['why'], at: number): Fault => ({ intact: false, at, why });

export class Watch {
  seen: Seen | null;
  broken: Fault | null = null;

  /** Of every line passed in this visit, so that a head or an answer can be compared with it. */
  #hashes = new Map<number, string>();
  /** Answers that name lines not passed yet. */
  #answers = new Map<number, string>();
  #head = '';
  #countersigned = '';

  constructor(
    readonly session: string,
    seen: Seen | null,
    readonly seal: Verifier,
    readonly witness: Verifier | null,
  ) {
    this.seen = seen;
    if (seen) this.#hashes.set(seen.seq, seen.hash);
  }

  /** `all` fetches the log from its first line, asked for only before raising an alarm. */
  async headers(told: readonly EventHeader[], all: () => Promise<readonly EventHeader[]>) {
    if (this.broken || !told.length) return;
    let lines = told;
    let verdict = await follow(this.session, this.seen, lines);
    if (!verdict.intact && verdict.why === 'unlinked' && this.seen) {
      // Lines between may only have been missed.
      lines = await all();
      verdict = await follow(this.session, this.seen, lines);
    }
    if (!verdict.intact) {
      this.broken = verdict;
      return;
    }
    for (const line of lines) {
      if (this.seen && line.seq < this.seen.seq && !this.#hashes.has(line.seq)) continue;
      const known = this.#hashes.get(line.seq) ?? this.#answers.get(line.seq);
      if (known !== undefined && known !== line.hash) {
        this.broken = fault(this.#hashes.has(line.seq) ? 'changed' : 'answer', line.seq);
        return;
      }
      this.#hashes.set(line.seq, line.hash);
      this.#answers.delete(line.seq);
    }
    this.seen = verdict.seen;
  }

  /** The head that came with these headers: signed by the pinned key, and the end of this log. */
  async head(head: Head) {
    if (this.broken || head.signature === this.#head) return;
    const { seq, hash } = head;
    if (head.key_id !== this.seal.keyId) this.broken = fault('key', seq);
    else if (
      !(await this.seal.verify(
        { session: this.session, seq, hash, time: signedTime(head.time) },
        head.signature,
      ))
    ) {
      this.broken = fault('signature', seq);
    } else if (!this.seen || seq > this.seen.seq) this.broken = fault('unlinked', seq);
    else if ((this.#hashes.get(seq) ?? hash) !== hash) this.broken = fault('changed', seq);
    else this.#head = head.signature;
  }

  /** Whether the answer is the installation's word that `subject` stands in this very log. */
  async answered(ack: Ack, subject: string): Promise<boolean> {
    const { seq, hash } = ack;
    const said = {
      purpose: 'ack',
      session: this.session,
      seq,
      hash,
      time: signedTime(ack.time),
      subject,
    };
    const good =
      ack.subject === subject &&
      ack.key_id === this.seal.keyId &&
      (this.#hashes.get(seq) ?? hash) === hash &&
      (await this.seal.verify(said, ack.signature));
    if (!good) this.broken ??= fault('answer', seq);
    else if (!this.#hashes.has(seq) && seq > (this.seen?.seq ?? 0)) this.#answers.set(seq, hash);
    return good;
  }

  /** Passing over a missing one: the committee may be away, and the screens say so themselves. */
  async countersigned(by: Countersignature | null | undefined) {
    if (this.broken || !by || !this.witness || by.signature === this.#countersigned) return;
    const { seq, head, received_at } = by;
    const said = { purpose: 'countersignature', session: this.session, seq, head, received_at };
    const ours = (this.#hashes.get(seq) ?? head) === head;
    if (
      ours &&
      by.key_id === this.witness.keyId &&
      (await this.witness.verify(said, by.signature))
    ) {
      this.#countersigned = by.signature;
    } else this.broken = fault('witness', seq);
  }
}

/** With the keys pinned on this device. Throws when those are no keys. */
export async function watching(
  session: string,
  seen: Seen | null,
  told: Installation,
): Promise<Watch> {
  const pins = await pin(told).catch(() => trusted(undefined, told));
  const seal = await verifier(pins.seal);
  const witness = pins.witness ? await verifier(pins.witness) : null;
  return new Watch(session, seen, seal, witness);
}
