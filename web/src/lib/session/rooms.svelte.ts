/** One live connection per session, kept while pages of that session follow each other. */
import { Live } from './live.svelte';
import { settle } from './receipts';

interface Open {
  live: Live;
  users: number;
  closing: number;
}

/** Long enough to go from one page of a session to the next. */
const LINGER_MS = 4000;
const open = new Map<string, Open>();

/** Call in a component's `$effect` root; give back what it returns when the component goes. */
export function enter(session: string, account: string): { live: Live; leave: () => void } {
  const key = `${account}/${session}`;
  let room = open.get(key);
  if (!room) {
    room = { live: new Live(session, account, settle), users: 0, closing: 0 };
    open.set(key, room);
    void room.live.start();
  }
  const mine = room;
  clearTimeout(mine.closing);
  mine.users++;
  return {
    live: mine.live,
    leave() {
      mine.users--;
      if (mine.users > 0) return;
      mine.closing = window.setTimeout(() => {
        mine.live.stop();
        open.delete(key);
      }, LINGER_MS);
    },
  };
}
