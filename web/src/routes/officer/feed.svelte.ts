/** The board as it changes: a socket sends it whole; without the socket it is asked for again. */
import { get, sentence } from '$lib/api/client';
import type { CellBoard } from '$lib/api/types';

const WAITS_MS = [500, 2000, 5000, 10_000];
const POLL_MS = 15_000;

export class BoardFeed {
  board = $state.raw<CellBoard | null>(null);
  link = $state<'connecting' | 'open' | 'lost'>('connecting');
  updated = $state(new Date());
  trouble = $state('');

  #socket: WebSocket | null = null;
  #timer = 0;
  #poll = 0;
  #failures = 0;
  #stopped = false;

  start() {
    this.#stopped = false;
    void this.#load();
    this.#poll = window.setInterval(() => {
      if (this.link !== 'open' && document.visibilityState === 'visible') void this.#load();
    }, POLL_MS);
    this.#connect();
  }

  stop() {
    this.#stopped = true;
    clearInterval(this.#poll);
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  async #load() {
    try {
      this.#show(await get<CellBoard>('/api/officer/board'));
      this.trouble = '';
    } catch (error) {
      this.trouble = sentence(error);
    }
  }

  #show(board: CellBoard) {
    this.board = board;
    this.updated = new Date(board.updated_at);
  }

  #connect() {
    const address = new URL('/api/officer/live', location.href);
    address.protocol = address.protocol.replace('http', 'ws');
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onopen = () => {
      this.link = 'open';
      this.#failures = 0;
    };
    socket.onmessage = (event) => {
      this.#show(JSON.parse(event.data as string) as CellBoard);
    };
    socket.onclose = () => {
      if (this.#stopped) return;
      this.link = 'lost';
      const wait = WAITS_MS[Math.min(this.#failures++, WAITS_MS.length - 1)]!;
      this.#timer = window.setTimeout(() => this.#connect(), wait);
    };
  }
}
