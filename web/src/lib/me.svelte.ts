/** Who is signed in here, and which installation this is. */
import { get, post, Refused, useCsrf, whenSignedOut } from './api/client';
import type { Installation, Me, RoleHeld } from './api/types';

class Self {
  me = $state.raw<Me | null>(null);
  installation = $state.raw<Installation | null>(null);
  /** The first answer has come: before that nothing is known. */
  known = $state(false);

  constructor() {
    whenSignedOut(() => this.take(null));
  }

  take(me: Me | null) {
    this.me = me;
    useCsrf(me?.csrf ?? '');
    if (me) this.installation = me.installation;
  }

  /** Asks the server; throws only when it could not be reached. */
  async load() {
    try {
      this.take(await get<Me>('/api/me'));
    } catch (error) {
      if (!(error instanceof Refused) || error.again) throw error;
      this.take(null);
      this.installation ??= await get<Installation>('/api/installation');
    }
    this.known = true;
  }

  async signOut() {
    await post('/api/sign-out');
    this.take(null);
  }

  has(role: RoleHeld['role'], cell?: string): boolean {
    return !!this.me?.roles.some(
      (held) => held.role === role && (cell === undefined || held.cell_id === cell),
    );
  }

  /** The second factor was proven recently enough for a roll call. */
  fresh(now = Date.now()): boolean {
    const until = this.me?.factor_fresh_until;
    return !!until && new Date(until).getTime() > now;
  }
}

export const self = new Self();
