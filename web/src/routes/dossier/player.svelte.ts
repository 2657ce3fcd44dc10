/** One clock for all tracks of a recording. It waits for what is loading, so that nothing runs ahead. */
import type { Recording, TrackListed } from '$lib/api/types';
import type { Reel } from './reel';
import { itemAt, mainPerson, segmentAt, speakerAt } from './timeline';

export const SPEEDS = [1, 1.25, 1.5, 2] as const;

/** Waiting for a file shorter than this is not shown as loading. */
const PATIENCE_MS = 300;
const BACK_MS = 10_000;

export class Player {
  /** Milliseconds after the start of the recording. */
  at = $state(0);
  playing = $state(false);
  speed = $state<(typeof SPEEDS)[number]>(1);
  /** The person or place chosen to be seen large; null follows the floor. */
  chosen = $state<string | null>(null);
  loading = $state(false);
  failed = $state(false);
  /** Marks that have been listened to, by their time. */
  heard = $state.raw<ReadonlySet<number>>(new Set());

  #reels = new Set<Reel>();
  #last: string | null = null;
  #frame = 0;
  #before = 0;
  #waiting = 0;

  constructor(readonly recording: Recording) {}

  get speaker(): string | null {
    return speakerAt(this.recording, this.at);
  }

  get item() {
    return itemAt(this.recording, this.at);
  }

  /** Whose picture is large now. */
  get main(): string | null {
    return mainPerson(this.recording, this.at, this.chosen, this.#last);
  }

  get gap() {
    return this.recording.gaps.find((gap) => gap.from_ms <= this.at && this.at < gap.to_ms) ?? null;
  }

  /** The picture of a person or place now: a shared screen before a camera. */
  pictureOf(key: string): TrackListed | null {
    const tracks = this.recording.tracks.filter(
      (track) => track.kind === 'video' && keyOf(track) === key,
    );
    const now = tracks.filter((track) => segmentAt(track, this.at));
    return now.find((track) => track.source.startsWith('screen')) ?? now[0] ?? tracks[0] ?? null;
  }

  start() {
    this.#frame = requestAnimationFrame(this.#step);
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    for (const reel of this.#reels) reel.stop();
    this.#reels.clear();
  }

  add(reel: Reel): () => void {
    this.#reels.add(reel);
    return () => {
      this.#reels.delete(reel);
      reel.stop();
    };
  }

  toggle() {
    if (!this.playing && this.at >= this.recording.duration_ms) this.at = 0;
    this.playing = !this.playing;
  }

  seek(ms: number) {
    this.at = Math.min(Math.max(0, ms), this.recording.duration_ms);
  }

  back() {
    this.seek(this.at - BACK_MS);
  }

  faster() {
    const next = (SPEEDS.indexOf(this.speed) + 1) % SPEEDS.length;
    this.speed = SPEEDS[next]!;
  }

  /** Plays from a mark, and remembers that it has been heard. */
  listen(ms: number) {
    this.heard = new Set([...this.heard, ms]);
    this.seek(ms);
    this.playing = true;
  }

  #step = (now: number) => {
    this.#frame = requestAnimationFrame(this.#step);
    // A page in the background is not called for long: time then stands rather than leaps.
    const passed = Math.min(250, now - this.#before);
    this.#before = now;
    this.#last = this.speaker ?? this.#last;
    let wait = false;
    let failed = false;
    for (const reel of this.#reels) {
      const state = reel.sync(this.at, this.playing, this.speed);
      if (state === 'loading') wait = true;
      if (state === 'failed') failed = true;
    }
    this.failed = failed;
    this.#waiting = wait ? this.#waiting + passed : 0;
    this.loading = this.#waiting > PATIENCE_MS;
    if (!this.playing || wait) return;
    this.at = Math.min(this.at + passed * this.speed, this.recording.duration_ms);
    if (this.at >= this.recording.duration_ms) this.playing = false;
  };
}

/** A person's pseudonym, or the name of a place. */
export const keyOf = (track: TrackListed): string => track.person ?? `place:${track.name}`;
