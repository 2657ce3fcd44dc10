/** One track on the common clock: two media elements, so that the next file is ready before its turn. */
import type { TrackListed } from '$lib/api/types';
import { correction, segmentAt } from './timeline';

export type ReelState = 'playing' | 'loading' | 'gap' | 'failed';

type Pair = readonly [HTMLMediaElement, HTMLMediaElement];

/** Begin fetching the next file this long before it is needed. */
const AHEAD_MS = 4000;

export class Reel {
  state: ReelState = 'gap';
  #front = 0;
  #urls: [string, string] = ['', ''];
  #failed = new Set<string>();

  constructor(
    readonly track: TrackListed,
    readonly pair: Pair,
  ) {
    pair.forEach((element, i) => {
      element.preload = 'auto';
      element.onerror = () => this.#failed.add(this.#urls[i as 0 | 1]);
    });
  }

  /** Called every frame; moves the elements to where the clock is. */
  sync(ms: number, playing: boolean, speed: number): ReelState {
    const placed = segmentAt(this.track, ms);
    if (!placed) {
      this.#quiet(-1);
      this.#prepare(ms);
      return (this.state = 'gap');
    }
    const { segment, index, offset } = placed;
    if (this.#failed.has(segment.url)) return (this.state = 'failed');
    const side = this.#load(segment.url);
    const element = this.pair[side]!;
    this.#front = side;
    this.#quiet(side);
    const next = this.track.segments[index + 1];
    if (next && segment.start_ms + segment.duration_ms - ms < AHEAD_MS) this.#fetch(next.url);
    if (element.readyState < HTMLMediaElement.HAVE_METADATA) return (this.state = 'loading');
    // A file may be a little shorter than its manifest says: its last picture then stands.
    const end = Number.isFinite(element.duration) ? element.duration : offset;
    const wanted = Math.min(offset, end);
    const { seekTo, rate } = correction(wanted, element.currentTime, speed);
    if (seekTo !== null && !element.seeking) element.currentTime = seekTo;
    if (element.playbackRate !== rate) element.playbackRate = rate;
    if (playing && element.paused && !element.ended) void element.play().catch(() => {});
    else if (!playing && !element.paused) element.pause();
    const ready = element.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && !element.seeking;
    return (this.state = ready ? 'playing' : 'loading');
  }

  /** The element that shows the moment, or null in a gap. */
  get front(): HTMLMediaElement | null {
    return this.state === 'gap' || this.state === 'failed' ? null : this.pair[this.#front]!;
  }

  stop() {
    this.pair.forEach((element, i) => {
      element.onerror = null;
      element.pause();
      element.removeAttribute('src');
      element.load();
      this.#urls[i as 0 | 1] = '';
    });
  }

  #load(url: string): 0 | 1 {
    const known = this.#urls.indexOf(url);
    if (known >= 0) return known as 0 | 1;
    const side = (this.#urls[this.#front] ? 1 - this.#front : this.#front) as 0 | 1;
    this.#put(side, url);
    return side;
  }

  #fetch(url: string) {
    if (this.#urls.includes(url) || this.#failed.has(url)) return;
    this.#put((1 - this.#front) as 0 | 1, url);
  }

  #prepare(ms: number) {
    const next = this.track.segments.find(
      (segment) => segment.start_ms > ms && segment.start_ms - ms < AHEAD_MS,
    );
    if (next) this.#fetch(next.url);
  }

  #put(side: 0 | 1, url: string) {
    this.#urls[side] = url;
    this.pair[side]!.src = url;
  }

  #quiet(except: number) {
    this.pair.forEach((element, i) => {
      if (i !== except && !element.paused) element.pause();
    });
  }
}
