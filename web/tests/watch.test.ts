import { describe, expect, test } from 'vitest';
import type { EventHeader, Head, Installation } from '../src/lib/api/types';
import { base64url, canonicalBytes, statementHash, type Json } from '../src/lib/session/canonical';
import { faultTitle } from '../src/lib/session/fault';
import { trusted, verifier } from '../src/lib/session/pins';
import { Watch } from '../src/lib/session/watch';

const SESSION = 's1';
const TIME = '2026-12-03T12:30:00.000Z';

/** A key of an installation: real signatures, as the server makes them. */
async function signer() {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const pair = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
  const spki = base64url(await crypto.subtle.exportKey('spki', pair.publicKey));
  const sign = async (statement: Json) =>
    base64url(
      await crypto.subtle.sign(
        { name: 'ECDSA', hash: 'SHA-256' },
        pair.privateKey,
        canonicalBytes(statement),
      ),
    );
  return { spki, sign, check: await verifier(spki) };
}
type Signer = Awaited<ReturnType<typeof signer>>;

async function log(length: number, actor = 'p01', from: EventHeader[] = []) {
  const headers = [...from];
  while (headers.length < length) {
    const covered = {
      seq: headers.length + 1,
      prev: headers.at(-1)?.hash ?? '0'.repeat(64),
      type: 'connected',
      time: TIME,
      actor,
      payload_hash: 'ab'.repeat(32),
    };
    headers.push({ ...covered, hash: await statementHash({ session: SESSION, ...covered }) });
  }
  return headers;
}

async function headOf(headers: EventHeader[], by: Signer, session = SESSION): Promise<Head> {
  const { seq, hash } = headers.at(-1)!;
  const signature = await by.sign({ session, seq, hash, time: TIME });
  // Pydantic writes microseconds; what was signed has milliseconds.
  return { seq, hash, time: '2026-12-03T12:30:00Z', key_id: by.check.keyId, signature };
}

const none = async () => [];

async function watching(length = 4) {
  const [seal, committee] = await Promise.all([signer(), signer()]);
  const headers = await log(length);
  const watch = new Watch(SESSION, null, seal.check, committee.check);
  await watch.headers(headers, none);
  await watch.head(await headOf(headers, seal));
  expect(watch.broken).toBeNull();
  return { watch, seal, committee, headers };
}

describe('heads', () => {
  test('a signed head that extends the last is taken', async () => {
    const { watch, seal, headers } = await watching();
    const more = await log(6, 'p02', headers);
    await watch.headers(more.slice(4), none);
    await watch.head(await headOf(more, seal));
    expect(watch.broken).toBeNull();
    expect(watch.seen).toEqual({ seq: 6, hash: more[5]!.hash });
  });

  test('a head signed by another key is named as such', async () => {
    const { watch, headers } = await watching();
    await watch.head(await headOf(headers, await signer()));
    expect(watch.broken).toEqual({ intact: false, at: 4, why: 'key' });
  });

  test('a forged signature under the right key id is found', async () => {
    const { watch, seal, headers } = await watching();
    const forged = await headOf(headers, await signer());
    await watch.head({ ...forged, key_id: seal.check.keyId });
    expect(watch.broken).toEqual({ intact: false, at: 4, why: 'signature' });
    expect(faultTitle(watch.broken!)).toContain('Chữ ký của máy chủ');
  });

  test('a head of another session, or of another time, is not this head', async () => {
    for (const change of [
      async (head: Head) => ({ ...head, time: '2026-12-03T12:30:01Z' }),
      async (head: Head, seal: Signer, headers: EventHeader[]) => ({
        ...head,
        ...(await headOf(headers, seal, 's2')),
      }),
    ]) {
      const { watch, seal, headers } = await watching();
      const more = await log(5, 'p01', headers);
      await watch.headers(more, none);
      await watch.head(await change(await headOf(more, seal), seal, more));
      expect(watch.broken?.why).toBe('signature');
    }
  });

  test('a well-signed head of a rewritten history is found: the key alone is not enough', async () => {
    const { watch, seal } = await watching();
    const rewritten = await log(6, 'p09');
    await watch.headers(rewritten.slice(4), async () => rewritten);
    await watch.head(await headOf(rewritten, seal));
    expect(watch.broken).toEqual({ intact: false, at: 4, why: 'changed' });
    expect(faultTitle(watch.broken!)).toMatch(/^Lịch sử phiên họp đã thay đổi/);
  });

  test('a signed head without its lines, or beside other lines, is found', async () => {
    const one = await watching();
    await one.watch.head(await headOf(await log(6, 'p09'), one.seal));
    expect(one.watch.broken?.why).toBe('unlinked');
    const two = await watching();
    await two.watch.head(await headOf(await log(4, 'p09'), two.seal));
    expect(two.watch.broken).toEqual({ intact: false, at: 4, why: 'changed' });
  });

  test('what failed once stays failed', async () => {
    const { watch, seal, headers } = await watching();
    await watch.head(await headOf(headers, await signer()));
    await watch.head(await headOf(headers, seal));
    expect(watch.broken?.why).toBe('key');
  });
});

describe('answers', () => {
  const answer = async (header: EventHeader, subject: string, by: Signer) => ({
    seq: header.seq,
    hash: header.hash,
    time: '2026-12-03T12:30:00Z',
    key_id: by.check.keyId,
    subject,
    signature: await by.sign({
      purpose: 'ack',
      session: SESSION,
      seq: header.seq,
      hash: header.hash,
      time: TIME,
      subject,
    }),
  });

  test('a signed answer for a line to come is held to it', async () => {
    const { watch, seal, headers } = await watching();
    const promised = (await log(5, 'p01', headers))[4]!;
    expect(await watch.answered(await answer(promised, 'c1', seal), 'c1')).toBe(true);
    await watch.headers(await log(5, 'p09', headers), none);
    expect(watch.broken).toEqual({ intact: false, at: 5, why: 'answer' });
  });

  test('for another act, by another key or for a line that is not in the log it is none', async () => {
    for (const wrong of ['subject', 'key', 'line']) {
      const { watch, seal, headers } = await watching();
      const by = wrong === 'key' ? await signer() : seal;
      const line = wrong === 'line' ? (await log(4, 'p09'))[3]! : headers[3]!;
      const ack = await answer(line, wrong === 'subject' ? 'c2' : 'c1', by);
      expect(await watch.answered({ ...ack, key_id: seal.check.keyId }, 'c1')).toBe(false);
      expect(watch.broken?.why).toBe('answer');
    }
  });
});

describe('countersignatures', () => {
  const countersigned = async (header: EventHeader, by: Signer) => {
    const said = { seq: header.seq, head: header.hash, received_at: TIME };
    const signature = await by.sign({ purpose: 'countersignature', session: SESSION, ...said });
    return { ...said, key_id: by.check.keyId, signature };
  };

  test('the upper committee has signed this very line', async () => {
    const { watch, committee, headers } = await watching();
    await watch.countersigned(null);
    await watch.countersigned(await countersigned(headers[2]!, committee));
    expect(watch.broken).toBeNull();
  });

  test('a forged one, or one over another history, is found', async () => {
    const one = await watching();
    await one.watch.countersigned(await countersigned(one.headers[2]!, await signer()));
    expect(one.watch.broken).toEqual({ intact: false, at: 3, why: 'witness' });
    const two = await watching();
    await two.watch.countersigned(await countersigned((await log(4, 'p09'))[2]!, two.committee));
    expect(two.watch.broken?.why).toBe('witness');
  });
});

describe('pinned keys', () => {
  const told = (id: string, seal: string, more: Partial<Installation> = {}) =>
    ({ id, demo: false, seal: { key_id: '', spki: seal }, witness: null, ...more }) as Installation;

  test('the first keys stay, whatever the server says later', () => {
    const first = trusted(undefined, told('i1', 'A'));
    expect(trusted(first, told('i1', 'B')).seal).toBe('A');
    expect(trusted(first, told('i2', 'B')).seal).toBe('A');
    const met = trusted(first, told('i1', 'A', { witness: { key_id: '', spki: 'W' } }));
    expect(met.witness).toBe('W');
    expect(trusted(met, told('i1', 'A', { witness: { key_id: '', spki: 'X' } })).witness).toBe('W');
  });

  test('only a demo begun anew may forget', () => {
    const demo = trusted(undefined, told('i1', 'A', { demo: true }));
    expect(trusted(demo, told('i2', 'B', { demo: true })).seal).toBe('B');
    expect(trusted(demo, told('i1', 'B', { demo: true })).seal).toBe('A');
    expect(trusted(trusted(undefined, told('i1', 'A')), told('i2', 'B', { demo: true })).seal).toBe(
      'A',
    );
  });
});
