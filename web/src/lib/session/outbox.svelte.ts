/**
 * Commands on their way: each is on this device's disk before it is sent, sent again after a drop
 * with the same id, and forgotten only when the server has confirmed or refused it.
 */
import { post, Refused } from '$lib/api/client';
import type { Ack } from '$lib/api/types';
import * as disk from './disk';

export interface Item {
  command_id: string;
  session: string;
  account: string;
  /** Name of the command route. */
  name: string;
  body: Record<string, unknown>;
  /** When it was kept on this device, in milliseconds. */
  kept: number;
}

export interface Transport {
  send(item: Item): Promise<Ack>;
}

const WAITS_MS = [500, 1000, 2000, 4000, 8000];

export const overHttp: Transport = {
  send: (item) =>
    post<Ack>(`/api/sessions/${item.session}/commands/${item.name}`, {
      command_id: item.command_id,
      ...item.body,
    }),
};

interface Waiting {
  resolve(ack: Ack): void;
  reject(why: unknown): void;
}

export class Outbox {
  /** What the server has not yet confirmed, oldest first. */
  pending = $state.raw<Item[]>([]);
  /** The line failed at the last try. */
  held = $state(false);

  #waiting = new Map<string, Waiting>();
  #running = false;
  #wake: (() => void) | null = null;
  #stopped = false;

  constructor(
    readonly session: string,
    readonly account: string,
    readonly transport: Transport = overHttp,
    /** Told of every end, also for commands kept from before a reload. */
    readonly ended: (item: Item, ack: Ack | null, why?: Refused) => Promise<void> = async () => {},
  ) {}

  /** Sends what an earlier page or a dead battery left behind. */
  async resume(): Promise<void> {
    const kept = await disk.readAll<Item>('outbox');
    const mine = kept
      .filter((item) => item.session === this.session && item.account === this.account)
      .filter((item) => !this.pending.some((known) => known.command_id === item.command_id))
      .sort((a, b) => a.kept - b.kept);
    if (!mine.length) return;
    this.pending = [...mine, ...this.pending];
    void this.#run();
  }

  /** Resolves when the server has confirmed it durable; rejects with a `Refused`. */
  async give(
    name: string,
    body: Record<string, unknown> = {},
    command_id: string = crypto.randomUUID(),
  ): Promise<Ack> {
    const item: Item = {
      command_id,
      session: this.session,
      account: this.account,
      name,
      body,
      kept: Date.now(),
    };
    await disk.write('outbox', item.command_id, item);
    this.pending = [...this.pending, item];
    const answer = new Promise<Ack>((resolve, reject) =>
      this.#waiting.set(item.command_id, { resolve, reject }),
    );
    void this.#run();
    return answer;
  }

  has(name: string): Item | undefined {
    return this.pending.find((item) => item.name === name);
  }

  /** The line is back: try now, not when the pause ends. */
  wake() {
    this.#wake?.();
  }

  stop() {
    this.#stopped = true;
    this.#wake?.();
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    let failures = 0;
    for (let item = this.pending[0]; item && !this.#stopped; item = this.pending[0]) {
      try {
        const ack = await this.transport.send(item);
        failures = 0;
        this.held = false;
        await this.#end(item, ack);
      } catch (error) {
        if (error instanceof Refused && !lasting(error)) {
          this.held = true;
          await this.#pause(WAITS_MS[Math.min(failures++, WAITS_MS.length - 1)] ?? 8000);
        } else {
          this.held = false;
          await this.#end(item, null, error);
        }
      }
    }
    this.#running = false;
  }

  async #end(item: Item, ack: Ack | null, error?: unknown) {
    const waiting = this.#waiting.get(item.command_id);
    this.#waiting.delete(item.command_id);
    await this.ended(item, ack, error instanceof Refused ? error : undefined).catch(() => {});
    await disk.remove('outbox', item.command_id);
    this.pending = this.pending.filter((other) => other.command_id !== item.command_id);
    if (ack) waiting?.resolve(ack);
    else waiting?.reject(error);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resume) => {
      const timer = setTimeout(() => this.#wake?.(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resume();
      };
    });
  }
}

/** A refusal that asking again will not change. Too many requests and server faults may pass. */
const lasting = (why: Refused) => !why.again && why.status !== 429 && why.status < 500;
