/** What the parts of a console share: the view, the clock, and giving acts with what they ask for. */
import { sentence } from '$lib/api/client';
import type { Act, AgendaItem, ItemState, Person, SessionView } from '$lib/api/types';
import { ticking } from '$lib/session/ticking.svelte';
import { asks, type Asks } from './acts';

/** The part of the live session that a console needs. */
export interface Source {
  readonly view: SessionView | null;
  /** The server's clock in milliseconds. */
  now(): number;
  give(command: string, body: Record<string, unknown>): Promise<unknown>;
}

export type Pressed = Pick<Act, 'code' | 'command' | 'body'>;

export interface Asking {
  kind: Asks;
  act: Pressed;
}

export class Desk {
  asking = $state.raw<Asking | null>(null);
  /** The command on its way. */
  sending = $state('');
  /** The last refusal, until the next act. */
  refused = $state('');
  readonly #source: Source;
  /** Acts that a console does itself, such as signing; answers false when the act is not its own. */
  readonly #own: (act: Pressed) => boolean;

  constructor(source: Source, own: (act: Pressed) => boolean = () => false) {
    this.#source = source;
    this.#own = own;
  }

  /** Only read below a check that the first view has come. */
  get view(): SessionView {
    return this.#source.view!;
  }

  /** The server's clock; whoever reads it is drawn again every second. */
  get now(): number {
    ticking();
    return this.#source.now();
  }

  person(id: string | null | undefined): Person | undefined {
    return this.view.people.find((person) => person.id === id);
  }

  name(id: string | null | undefined): string {
    return this.person(id)?.name ?? '';
  }

  item(id: string | null | undefined): ItemState | undefined {
    return this.view.items.find((state) => state.item.id === id);
  }

  get current(): AgendaItem | undefined {
    return this.item(this.view.current_item)?.item;
  }

  may(command: string): boolean {
    return this.view.may.includes(command);
  }

  get chairs(): boolean {
    return this.view.my_roles.includes('chair');
  }

  /** Presses an act: asks first if it must. */
  press(act: Pressed) {
    this.refused = '';
    if (this.#own(act)) return;
    const kind = asks(act);
    if (kind === 'nothing') void this.send(act.command, act.body);
    else this.asking = { kind, act };
  }

  /** Presses a command by its name, for buttons that stand beside a person or item. */
  do(command: string, body: Record<string, unknown> = {}) {
    this.press({ code: command.replaceAll('-', '_'), command, body });
  }

  /** True when it is in the log. A refusal is kept in `refused` for the bar and the dialog. */
  async send(command: string, body: Record<string, unknown>): Promise<boolean> {
    if (this.sending) return false;
    this.sending = command;
    this.refused = '';
    try {
      await this.#source.give(command, body);
      this.asking = null;
      return true;
    } catch (error) {
      this.refused = sentence(error);
      return false;
    } finally {
      this.sending = '';
    }
  }
}
