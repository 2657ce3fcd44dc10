/** The room's pairing, kept on this device, and its screen asked again before the code changes. */
import { post, Refused, sentence } from '$lib/api/client';
import type { MediaToken, RoomDevice } from '$lib/api/types';

const PLACE = 'room-device';
const AGAIN_MS = 5000;
/** Just after the half minute, so that the new code is already there. */
const AFTER_CHANGE_MS = 300;

function kept(): string {
  try {
    return localStorage.getItem(PLACE) ?? '';
  } catch {
    return '';
  }
}

function keep(key: string) {
  try {
    if (key) localStorage.setItem(PLACE, key);
    else localStorage.removeItem(PLACE);
  } catch {
    // No storage: after a reload the device must be paired again.
  }
}

export class HallDevice {
  screen = $state.raw<RoomDevice | null>(null);
  /** When the shown code ends, in milliseconds of this device's clock. */
  until = $state(0);
  trouble = $state('');
  /** The line is away; what is shown may be old. */
  lost = $state(false);
  busy = $state(false);

  #timer = 0;
  #key = kept();

  get paired() {
    return this.screen !== null || this.#key !== '';
  }

  async start() {
    if (this.#key) await this.#refresh();
  }

  stop() {
    clearTimeout(this.#timer);
  }

  async pair(code: string) {
    this.busy = true;
    this.trouble = '';
    try {
      this.#show(await post<RoomDevice>('/api/room-device', { code }));
    } catch (error) {
      this.trouble = sentence(error);
    } finally {
      this.busy = false;
    }
  }

  forget() {
    this.stop();
    this.#key = '';
    keep('');
    this.screen = null;
    this.trouble = '';
  }

  /** A fresh token, for joining and for coming back. */
  token = async (): Promise<MediaToken> => {
    const screen = await post<RoomDevice>('/api/room-device/screen', { key: this.#key });
    this.#show(screen);
    return screen.media;
  };

  #show(screen: RoomDevice) {
    this.screen = screen;
    this.#key = screen.key;
    keep(screen.key);
    this.lost = false;
    this.until = Date.now() + screen.code_seconds_left * 1000;
    // Before the roll call there is no code yet: look more often.
    const wait = screen.code ? screen.code_seconds_left * 1000 + AFTER_CHANGE_MS : AGAIN_MS;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#refresh(), wait);
  }

  async #refresh() {
    try {
      await this.token();
    } catch (error) {
      if (error instanceof Refused && !error.again && error.status !== 429) {
        this.forget();
        this.trouble = sentence(error);
        return;
      }
      this.lost = true;
      clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => void this.#refresh(), AGAIN_MS);
    }
  }
}
