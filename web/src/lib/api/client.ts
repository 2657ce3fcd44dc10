/** Calls to the server. Whatever goes wrong becomes a `Refused` with a sentence to show. */
import { texts } from '$lib/i18n';
import { errors } from '$texts/vi/errors';
import type { Problem } from './types';

const t = texts(errors);

/** Times that a GET is tried, and the waits between. Acts are never repeated here. */
const WAITS_MS = [400, 1200];
/** A slow line needs patience: 1 s round trips at 64 kbit/s still answer in this time. */
const GIVE_UP_MS = 20_000;

export class Refused extends Error {
  constructor(
    /** `network` and `slow` are this page's own; others come from the server. */
    readonly code: string,
    message: string,
    readonly status = 0,
    readonly params: Problem['params'] = {},
  ) {
    super(message);
  }

  /** The line failed, not the request: worth sending again. */
  get again(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

/** The sentence to show for anything thrown. */
export const sentence = (error: unknown): string =>
  error instanceof Refused ? error.message : t('server');

let csrf = '';
let signedOut: () => void = () => {};

export function useCsrf(token: string) {
  csrf = token;
}

/** Called when the server no longer knows this sign-in. */
export function whenSignedOut(act: () => void) {
  signedOut = act;
}

export interface Options {
  /** Sent as JSON, unless it is FormData. */
  body?: unknown;
  signal?: AbortSignal;
}

async function once<T>(method: string, path: string, options: Options): Promise<T> {
  const timeout = AbortSignal.timeout(options.body instanceof FormData ? 10 * 60_000 : GIVE_UP_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  const headers: Record<string, string> = { accept: 'application/json' };
  if (method !== 'GET' && csrf) headers['x-csrf'] = csrf;
  let body: BodyInit | undefined;
  if (options.body instanceof FormData) body = options.body;
  else if (options.body !== undefined) {
    headers['content-type'] = 'application/json';
    body = JSON.stringify(options.body);
  }
  let response: Response;
  try {
    response = await fetch(path, { method, headers, body, signal, credentials: 'same-origin' });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw timeout.aborted ? new Refused('slow', t('slow')) : new Refused('network', t('network'));
  }
  if (response.ok) {
    const text = await response.text();
    return (text ? JSON.parse(text) : undefined) as T;
  }
  throw await refusal(response);
}

async function refusal(response: Response): Promise<Refused> {
  let problem: Partial<Problem> = {};
  try {
    problem = (await response.json()) as Partial<Problem>;
  } catch {
    // A proxy's page, or nothing: the status alone must do.
  }
  const code = problem.code ?? `http_${response.status}`;
  if (response.status === 401) signedOut();
  return new Refused(code, problem.message ?? t('server'), response.status, problem.params);
}

export async function get<T>(path: string, options: Options = {}): Promise<T> {
  for (const wait of WAITS_MS) {
    try {
      return await once<T>('GET', path, options);
    } catch (error) {
      if (!(error instanceof Refused) || !error.again) throw error;
      await new Promise((go) => setTimeout(go, wait));
    }
  }
  return once<T>('GET', path, options);
}

export const post = <T>(path: string, body?: unknown, options: Options = {}) =>
  once<T>('POST', path, { ...options, body });
export const put = <T>(path: string, body?: unknown) => once<T>('PUT', path, { body });
export const del = <T>(path: string) => once<T>('DELETE', path, {});

/** A file with progress from 0 to 1; fetch cannot tell how much has been sent. */
export function upload<T>(
  path: string,
  form: FormData,
  onprogress: (part: number) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', path);
    request.setRequestHeader('accept', 'application/json');
    if (csrf) request.setRequestHeader('x-csrf', csrf);
    request.upload.onprogress = (e) => e.lengthComputable && onprogress(e.loaded / e.total);
    request.onerror = () => reject(new Refused('network', t('network')));
    request.onload = () => {
      const response = new Response(request.responseText, { status: request.status });
      if (response.ok) resolve(JSON.parse(request.responseText) as T);
      else void refusal(response).then(reject);
    };
    request.send(form);
  });
}
