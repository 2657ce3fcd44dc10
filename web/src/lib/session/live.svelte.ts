/** The room's state as the server tells it: one socket, one view, checked against the log. */
import { get, Refused } from '$lib/api/client';
import type { Ack, ChainView, EventHeader, SessionView } from '$lib/api/types';
import { texts } from '$lib/i18n';
import { self } from '$lib/me.svelte';
import type { Line } from '$lib/ui/LineBars.svelte';
import { errors } from '$texts/vi/errors';
import { statementHash, type Json } from './canonical';
import type { Fault, Seen } from './chain';
import * as disk from './disk';
import { Outbox, overHttp, type Item } from './outbox.svelte';
import { patched } from './patch';
import type { Watch } from './watch';

type Incoming =
  | { kind: 'snapshot'; view: Json; headers: EventHeader[] }
  | { kind: 'update'; patch: Json; headers: EventHeader[] }
  | { kind: 'beat' };

interface Outgoing {
  kind: 'beat';
  line: Exclude<Line, 'none'>;
  microphone: boolean;
  camera: boolean;
}

const t = texts(errors);

const BEAT_MS = 4000;
/** Without a word for this long the line is dead, even if the browser has not noticed. */
const SILENCE_MS = 15_000;
const WAITS_MS = [300, 1000, 2000, 4000, 8000];

export class Live {
  view = $state.raw<SessionView | null>(null);
  link = $state<'connecting' | 'open' | 'lost'>('connecting');
  /** Refused for good: a sentence. */
  refused = $state('');
  /** The log no longer contains what this device has seen, or is not signed as it should be. */
  broken = $state.raw<Fault | null>(null);
  /** What this device tells the room about itself. */
  reported = $state<Omit<Outgoing, 'kind'>>({ line: 'good', microphone: false, camera: false });

  /** The end of the log as checked here; ballots name it. */
  seen: Seen | null = null;
  readonly outbox: Outbox;

  #watch: Watch | null = null;
  #trusting: Promise<void> | null = null;
  #socket: WebSocket | null = null;
  /** The view as this socket told it; `view` may come by HTTP, and no patch belongs to that one. */
  #told: Json = null;
  #offset = 0;
  #failures = 0;
  #retry = 0;
  #beat = 0;
  #heard = 0;
  #stopped = false;
  #work: Promise<void> = Promise.resolve();

  constructor(
    readonly session: string,
    readonly account: string,
    ended?: (item: Item, ack: Ack | null, why?: Refused) => Promise<void>,
  ) {
    this.outbox = new Outbox(session, account, { send: (item) => this.#sent(item) }, ended);
  }

  /** The server's clock now, in milliseconds. */
  now(): number {
    return Date.now() + this.#offset;
  }

  get me() {
    return this.view?.people.find((person) => person.id === this.view?.me) ?? null;
  }

  name(person: string | null): string {
    return this.view?.people.find((one) => one.id === person)?.name ?? '';
  }

  may(command: string): boolean {
    return this.view?.may.includes(command) ?? false;
  }

  give(name: string, body: Record<string, unknown> = {}): Promise<Ack> {
    return this.outbox.give(name, body);
  }

  async start() {
    addEventListener('online', this.#hurry);
    document.addEventListener('visibilitychange', this.#hurry);
    this.#beat = window.setInterval(() => this.#tick(), BEAT_MS);
    try {
      const kept = await disk.read<Seen>('heads', this.#place);
      this.seen ??= kept ?? null;
    } catch {
      // A private window may have no storage: then this visit starts without memory.
    }
    if (this.#stopped) return;
    this.#trusting = this.#trust();
    this.#connect();
    await this.outbox.resume().catch(() => {});
  }

  stop() {
    this.#stopped = true;
    removeEventListener('online', this.#hurry);
    document.removeEventListener('visibilitychange', this.#hurry);
    clearInterval(this.#beat);
    clearTimeout(this.#retry);
    this.outbox.stop();
    this.#socket?.close();
    this.#socket = null;
  }

  get #place() {
    return `${this.account}/${this.session}`;
  }

  #hurry = () => {
    if (document.visibilityState !== 'visible') return;
    this.outbox.wake();
    if (this.#stopped || this.refused) return;
    if (this.#socket?.readyState === WebSocket.OPEN) this.#send();
    else if (!this.#socket) this.#connect();
  };

  #connect() {
    clearTimeout(this.#retry);
    const address = new URL(`/api/sessions/${this.session}/live`, location.href);
    address.protocol = address.protocol.replace('http', 'ws');
    if (this.seen) {
      address.searchParams.set('after', String(this.seen.seq));
      address.searchParams.set('hash', this.seen.hash);
    }
    const socket = new WebSocket(address);
    this.#socket = socket;
    this.#told = null;
    this.#heard = Date.now();
    socket.onopen = () => {
      this.#heard = Date.now();
      this.#send();
    };
    socket.onmessage = (event) => {
      this.#heard = Date.now();
      const message = JSON.parse(event.data as string) as Incoming;
      this.#work = this.#work.then(() => this.#take(socket, message)).catch(console.error);
    };
    socket.onclose = () => {
      if (this.#socket === socket) void this.#lost();
    };
  }

  async #lost() {
    this.#socket = null;
    if (this.#stopped) return;
    this.link = this.view ? 'lost' : 'connecting';
    const wait = WAITS_MS[Math.min(this.#failures++, WAITS_MS.length - 1)] ?? 8000;
    // A socket that is refused says nothing of the reason; the same question by HTTP does.
    if (this.#failures > 1) await this.#ask();
    if (this.#stopped || this.refused || this.#socket) return;
    // Spread out, so that a restarted server is not met by everybody at once.
    this.#retry = window.setTimeout(() => this.#connect(), wait * (0.7 + 0.6 * Math.random()));
  }

  async #ask() {
    try {
      const view = await get<SessionView>(`/api/sessions/${this.session}/view`);
      if (this.#told === null || !this.#socket) this.#show(view);
    } catch (error) {
      if (error instanceof Refused && !error.again && error.status !== 401) {
        this.refused = error.message;
      }
    }
  }

  #tick() {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    if (Date.now() - this.#heard > SILENCE_MS) {
      // close() alone waits for the other side, which may never answer.
      socket.onclose = null;
      socket.close();
      void this.#lost();
    } else this.#send();
  }

  #send() {
    const beat: Outgoing = { kind: 'beat', ...this.reported };
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(beat));
  }

  /** Tells the room at once, not with the next beat. */
  report(change: Partial<Omit<Outgoing, 'kind'>>) {
    const before = JSON.stringify(this.reported);
    Object.assign(this.reported, change);
    if (JSON.stringify(this.reported) !== before) this.#send();
  }

  #show(view: SessionView) {
    this.#offset = new Date(view.now).getTime() - Date.now();
    this.view = view;
  }

  async #take(socket: WebSocket, message: Incoming) {
    if (message.kind === 'beat' || this.#socket !== socket) return;
    if (message.kind === 'update' && this.#told === null) return;
    this.#told = message.kind === 'snapshot' ? message.view : patched(this.#told, message.patch);
    const view = this.#told as unknown as SessionView;
    await this.#witness(message.headers, view);
    this.#show(view);
    if (this.link !== 'open') this.outbox.wake();
    this.link = 'open';
    this.#failures = 0;
  }

  /** The keys pinned at sign-in; a private window without storage trusts this visit's. */
  async #trust() {
    const told = self.installation;
    if (!told) return;
    // Nothing is shown unchecked: on a line that drops, the page waits for its own code.
    let code: typeof import('./watch') | null = null;
    while (!code && !this.#stopped) {
      code = await import('./watch').catch(() => null);
      if (!code) await new Promise((resume) => setTimeout(resume, WAITS_MS[1]));
    }
    try {
      this.#watch = (await code?.watching(this.session, this.seen, told)) ?? null;
    } catch {
      this.broken = { intact: false, at: this.seen?.seq ?? 0, why: 'key' };
    }
  }

  async #witness(headers: EventHeader[], view: SessionView) {
    await this.#trusting;
    const watch = this.#watch;
    if (!watch || this.broken) return;
    const all = async () => (await get<ChainView>(`/api/sessions/${this.session}/chain`)).headers;
    await watch.headers(headers, all);
    await watch.head(view.head);
    await watch.countersigned(view.witnessed);
    this.broken = watch.broken;
    if (watch.broken || !watch.seen || watch.seen.seq === this.seen?.seq) return;
    this.seen = watch.seen;
    await disk.write('heads', this.#place, watch.seen).catch(() => {});
  }

  /** An answer without the installation's signature is none: the act may not be in the log. */
  async #sent(item: Item): Promise<Ack> {
    const ack = await overHttp.send(item);
    await this.#trusting;
    const { ballot } = item.body;
    const subject = ballot ? await statementHash(ballot as Json) : item.command_id;
    if (this.#watch && !(await this.#watch.answered(ack, subject))) {
      this.broken = this.#watch.broken;
      throw new Refused('answer_unsigned', t('answerUnsigned'), 400);
    }
    return ack;
  }
}
