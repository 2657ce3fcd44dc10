/** What a member keeps of each ballot: shown after sending, and later under "Phiên họp của tôi". */
import type { Refused } from '$lib/api/client';
import type { Ack, Choice, Motion } from '$lib/api/types';
import * as disk from './disk';
import { keepKey, storedKey } from './keys';
import type { Item } from './outbox.svelte';

export interface Receipt {
  account: string;
  session: string;
  motion: string;
  attempt: number;
  command_id: string;
  text: string;
  choice: Choice;
  /** Hash of the signed statement. */
  hash: string;
  /** When it was kept on this device, in milliseconds. */
  kept: number;
  /** The server's signed acknowledgement, once the ballot is in the log. */
  ack: Ack | null;
  refused: string;
}

const place = (of: Pick<Receipt, 'account' | 'session' | 'motion' | 'attempt'>) =>
  `${of.account}/${of.session}/${of.motion}/${of.attempt}`;

export const keepReceipt = (receipt: Receipt): Promise<void> =>
  disk.write('receipts', place(receipt), receipt);

export const receiptOf = (
  account: string,
  session: string,
  motion: Pick<Motion, 'id' | 'attempt'>,
): Promise<Receipt | undefined> =>
  disk.read<Receipt>(
    'receipts',
    place({ account, session, motion: motion.id, attempt: motion.attempt }),
  );

export async function receiptsOf(account: string, session: string): Promise<Receipt[]> {
  const all = await disk.readAll<Receipt>('receipts');
  return all
    .filter((one) => one.account === account && one.session === session)
    .sort((a, b) => a.kept - b.kept);
}

/** A ballot's command has ended, perhaps one that an earlier page had sent. */
export async function settle(item: Item, ack: Ack | null, why?: Refused): Promise<void> {
  if (item.name !== 'cast-ballot') return;
  const all = await receiptsOf(item.account, item.session);
  const receipt = all.find((one) => one.command_id === item.command_id);
  if (!receipt) return;
  await keepReceipt({ ...receipt, ack, refused: ack ? '' : (why?.message ?? '') });
  const key = await storedKey(item.session, item.account);
  if (ack && key && ack.seq > (key.previous?.seq ?? 0)) {
    await keepKey({ ...key, previous: { hash: receipt.hash, seq: ack.seq } });
  }
}
