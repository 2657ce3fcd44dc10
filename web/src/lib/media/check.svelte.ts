/** Own camera and microphone before the room: a picture, and a level that moves with the voice. */
import type { Picture } from '$lib/ui/Tile.svelte';

export type Trouble = '' | 'denied' | 'busy' | 'missing' | 'insecure';

export function troubleOf(error: unknown): Trouble {
  const name = error instanceof Error ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'missing';
  return 'busy';
}

/** Root mean square of speech close to a phone is about 0.05 to 0.3; silence stays below 0.01. */
const HEARD = 0.02;

export class DeviceCheck {
  picture = $state.raw<Picture | null>(null);
  /** Whether the camera can be shown: yes until it is known not to be. */
  camera = $state(true);
  /** 0 to 9 bars. */
  bars = $state(0);
  heard = $state(false);
  microphone = $state(false);
  trouble = $state<Trouble>('');

  #stream: MediaStream | null = null;
  #context: AudioContext | null = null;
  #timer = 0;

  async start() {
    this.stop();
    this.trouble = '';
    if (!navigator.mediaDevices) {
      this.camera = false;
      this.trouble = 'insecure';
      return;
    }
    try {
      await this.#open({ audio: true, video: { width: 640, height: 360, facingMode: 'user' } });
    } catch (error) {
      this.camera = false;
      this.trouble = troubleOf(error);
      if (this.trouble !== 'missing') return;
      // No camera: sound alone will do.
      await this.#open({ audio: true }).then(
        () => (this.trouble = ''),
        () => {},
      );
    }
  }

  async #open(wanted: MediaStreamConstraints) {
    const stream = await navigator.mediaDevices.getUserMedia(wanted);
    this.#stream = stream;
    this.camera = stream.getVideoTracks().length > 0;
    if (stream.getVideoTracks().length) {
      this.picture = {
        attach: (element) => (element.srcObject = stream),
        detach: (element) => (element.srcObject = null),
      };
    }
    if (stream.getAudioTracks().length) this.#listen(stream);
  }

  #listen(stream: MediaStream) {
    this.microphone = true;
    const context = new AudioContext();
    this.#context = context;
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = window.setInterval(() => {
      if (context.state === 'suspended') void context.resume();
      analyser.getFloatTimeDomainData(samples);
      const level = Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
      this.bars = barsOf(level);
      if (level > HEARD) this.heard = true;
    }, 100);
  }

  stop() {
    clearInterval(this.#timer);
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    void this.#context?.close();
    this.#stream = this.#context = this.picture = null;
    this.bars = 0;
    this.microphone = this.heard = false;
  }
}

/** On a logarithmic scale, as ears hear: -54 dB is nothing, -9 dB is all nine bars. */
export function barsOf(level: number): number {
  if (level <= 0) return 0;
  return Math.max(0, Math.min(9, Math.round((20 * Math.log10(level) + 54) / 5)));
}
