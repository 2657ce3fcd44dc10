/** The device's key for one session: made here, never leaves, certified by the second factor. */
import { post } from '$lib/api/client';
import type { DeviceCertificate, SessionView } from '$lib/api/types';
import { base64url, canonicalBytes, sha256, type Json } from './canonical';
import * as disk from './disk';

export interface DeviceKey {
  session: string;
  account: string;
  pair: CryptoKeyPair;
  keyId: string;
  spki: string;
  /** Highest counter signed with; rises with each ballot and check-in. */
  counter: number;
  /** Hash of the last ballot signed here that the server confirmed. */
  previous: { hash: string; seq: number } | null;
  certified: boolean;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;

const place = (session: string, account: string) => `${account}/${session}`;

export async function makeKey(session: string, account: string): Promise<DeviceKey> {
  const pair = await crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
  const spki = await crypto.subtle.exportKey('spki', pair.publicKey);
  return {
    session,
    account,
    pair,
    keyId: (await sha256(spki)).slice(0, 16),
    spki: base64url(spki),
    counter: 0,
    previous: null,
    certified: false,
  };
}

export const storedKey = (session: string, account: string): Promise<DeviceKey | undefined> =>
  disk.read<DeviceKey>('keys', place(session, account));

export const keepKey = (key: DeviceKey): Promise<void> =>
  disk.write('keys', place(key.session, key.account), key);

/**
 * The certified key of this device, made anew when the browser has lost it. Refused by the server
 * when the second factor is not fresh. A key that was revoked in the log (`known`) is replaced.
 */
export async function certifiedKey(
  session: string,
  account: string,
  known: SessionView['my_keys'] = [],
): Promise<DeviceKey> {
  const kept = await storedKey(session, account);
  const ended = known.some((one) => one.key_id === kept?.keyId && one.revoked_at);
  const key = kept && !ended ? kept : await makeKey(session, account);
  if (key.certified) return key;
  await keepKey(key);
  const certificate = await post<DeviceCertificate>(`/api/sessions/${session}/device-keys`, {
    spki: key.spki,
    label: deviceLabel(navigator.userAgent),
  });
  if (certificate.key_id !== key.keyId) throw new Error('certificate for another key');
  const certified = { ...key, certified: true };
  await keepKey(certified);
  return certified;
}

export async function sign(key: DeviceKey, statement: Json): Promise<string> {
  const bytes = canonicalBytes(statement);
  return base64url(await crypto.subtle.sign(SIGNING, key.pair.privateKey, bytes));
}

/** "Chrome trên Android", for the member's own list of devices. */
export function deviceLabel(agent: string): string {
  const browser = /Edg\//.test(agent)
    ? 'Edge'
    : /Firefox\//.test(agent)
      ? 'Firefox'
      : /Chrome\//.test(agent)
        ? 'Chrome'
        : /Safari\//.test(agent)
          ? 'Safari'
          : 'Trình duyệt';
  const system = /Android/.test(agent)
    ? 'Android'
    : /iPhone|iPad/.test(agent)
      ? 'iPhone/iPad'
      : /Windows/.test(agent)
        ? 'Windows'
        : /Mac OS/.test(agent)
          ? 'máy Mac'
          : 'máy tính';
  return `${browser} trên ${system}`;
}
