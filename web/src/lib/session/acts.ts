/** The two acts a member signs: being present, and voting. */
import { Refused } from '$lib/api/client';
import type { Ack, Choice, Motion } from '$lib/api/types';
import { texts } from '$lib/i18n';
import { errors } from '$texts/vi/errors';
import { ballotStatement, checkInStatement, signed } from './ballot';
import { certifiedKey, keepKey, type DeviceKey } from './keys';
import type { Live } from './live.svelte';
import { keepReceipt, type Receipt } from './receipts';

/** The log must have been seen before anything can be signed over it. */
export class NotYetSeen extends Error {}

const t = texts(errors);

/** Nothing is signed over a history that has changed. */
function unbroken(live: Live) {
  if (live.broken) throw new Refused('history_changed', t('historyChanged'), 400);
}

/** The counter is kept before the signature leaves, so that it can never be used twice. */
async function counted(key: DeviceKey, counter: number): Promise<void> {
  await keepKey({ ...key, counter });
}

export async function checkIn(live: Live, installation: string): Promise<Ack> {
  unbroken(live);
  const { view, seen } = live;
  if (!view || !seen) throw new NotYetSeen();
  const key = await certifiedKey(live.session, live.account, view.my_keys);
  const statement = checkInStatement(installation, view, key, seen);
  await counted(key, statement.counter);
  const { signature } = await signed(key, statement);
  return live.give('check-in', { statement, signature });
}

/** Resolves once the ballot is kept on this device; `sent` once it is in the log. */
export async function castBallot(
  live: Live,
  installation: string,
  motion: Motion,
  choice: Choice,
): Promise<{ receipt: Receipt; sent: Promise<Ack> }> {
  unbroken(live);
  const { view, seen } = live;
  if (!view || !seen) throw new NotYetSeen();
  const key = await certifiedKey(live.session, live.account, view.my_keys);
  const statement = ballotStatement(installation, view, motion, choice, key, seen);
  await counted(key, statement.counter);
  const { signature, hash } = await signed(key, statement);
  const command_id = crypto.randomUUID();
  const receipt: Receipt = {
    account: live.account,
    session: live.session,
    motion: motion.id,
    attempt: motion.attempt,
    command_id,
    text: motion.text,
    choice,
    hash,
    kept: Date.now(),
    ack: null,
    refused: '',
  };
  await keepReceipt(receipt);
  const sent = live.outbox.give('cast-ballot', { ballot: statement, signature }, command_id);
  return { receipt, sent };
}
