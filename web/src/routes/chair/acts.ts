/** What pressing an act asks for before it is sent. */
import type { Act } from '../../lib/api/types';

export type Asks =
  | 'nothing'
  | 'confirm' // cannot be taken back
  | 'person'
  | 'reason'
  | 'conclusion' // text that may stay empty
  | 'motion' // text and kind of decision
  | 'seconds'
  | 'hand' // person and choice
  | 'adjourn'; // reason and a new time

const ASKS: Record<string, Asks> = {
  'name-secretary': 'person',
  'hand-chair': 'person',
  'give-floor': 'nothing',
  'postpone-item': 'reason',
  'finish-item': 'conclusion',
  conclude: 'conclusion',
  'propose-motion': 'motion',
  'open-vote': 'seconds',
  'repeat-vote': 'seconds',
  'close-vote': 'confirm',
  'void-vote': 'reason',
  'enter-hand': 'hand',
  'mark-absent': 'reason',
  remove: 'reason',
  abandon: 'reason',
  adjourn: 'adjourn',
  close: 'confirm',
};

const FIELD: Partial<Record<Asks, string>> = {
  person: 'person',
  reason: 'reason',
  conclusion: 'text',
  motion: 'text',
  seconds: 'seconds',
};

/** An act that already names its person or reason goes straight through; texts are always shown. */
export function asks(act: Pick<Act, 'command' | 'body'>): Asks {
  const wanted = ASKS[act.command] ?? 'nothing';
  const field = FIELD[wanted];
  const always = wanted === 'conclusion' || wanted === 'seconds' || wanted === 'motion';
  if (field && !always && field in act.body) {
    return 'nothing';
  }
  return wanted;
}

/** The catalogue's key: the act's own code, or its command when the server names no code. */
export function codeOf(act: Pick<Act, 'code' | 'command'>): string {
  return act.code || act.command.replaceAll('-', '_');
}
