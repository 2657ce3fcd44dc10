/**
 * The installation's public keys as this device first saw them. A later answer of the server with
 * other keys does not replace them: whatever those sign is shown as a changed history.
 */
import type { Installation } from '$lib/api/types';
import { canonicalBytes, fromBase64url, sha256, type Json } from './canonical';
import * as disk from './disk';

export interface Pins {
  installation: string;
  demo: boolean;
  /** base64url SPKI of the installation's key, and of the upper committee's once there is one. */
  seal: string;
  witness: string | null;
}

/** One web address is one installation, whatever id it now says it has. */
const PLACE = 'installation';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** What this device trusts after hearing this installation; throws when the disk cannot be used. */
export async function pin(told: Installation): Promise<Pins> {
  const kept = await disk.read<Pins>('pins', PLACE);
  const merged = trusted(kept, told);
  if (JSON.stringify(merged) !== JSON.stringify(kept)) await disk.write('pins', PLACE, merged);
  return merged;
}

/** The first keys stay. A demo begun anew has new keys, and nothing there is worth guarding. */
export function trusted(kept: Pins | undefined, told: Installation): Pins {
  const fresh: Pins = {
    installation: told.id,
    demo: told.demo,
    seal: told.seal.spki,
    witness: told.witness?.spki ?? null,
  };
  if (!kept || (kept.demo && told.demo && kept.installation !== told.id)) return fresh;
  return { ...kept, witness: kept.witness ?? fresh.witness };
}

/** Checks signatures of one key. */
export interface Verifier {
  readonly keyId: string;
  verify(statement: Json, signature: string): Promise<boolean>;
}

/** Throws for what is no P-256 key. */
export async function verifier(spki: string): Promise<Verifier> {
  const bytes = fromBase64url(spki);
  const key = await crypto.subtle.importKey('spki', bytes, ALGORITHM, false, ['verify']);
  return {
    keyId: (await sha256(bytes)).slice(0, 16),
    async verify(statement, signature) {
      try {
        const raw = fromBase64url(signature);
        return await crypto.subtle.verify(SIGNING, key, raw, canonicalBytes(statement));
      } catch {
        return false;
      }
    },
  };
}
