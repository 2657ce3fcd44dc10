/** The sentence that tells a member what is wrong with the log. */
import { texts } from '$lib/i18n';
import { history } from '$texts/vi/history';
import type { Fault } from './chain';

export const historyText = texts(history);
const t = historyText;

export function faultTitle({ why, at: line }: Fault): string {
  switch (why) {
    case 'changed':
    case 'unlinked':
    case 'hash':
      return t('changed', { line });
    case 'key':
      return t('key');
    case 'signature':
    case 'answer':
    case 'witness':
      return t(why, { line });
  }
}
