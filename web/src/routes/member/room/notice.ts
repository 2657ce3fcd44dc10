/** The one banner of the member's room: of all that is wrong, the worst. */
import type { SessionView } from '$lib/api/types';
import { texts } from '$lib/i18n';
import { clock } from '$lib/i18n/format';
import type { MediaRoom } from '$lib/media/room.svelte';
import { faultTitle, historyText } from '$lib/session/fault';
import type { Live } from '$lib/session/live.svelte';
import { room } from '$texts/vi/room';

export interface Notice {
  title: string;
  text: string;
  icon: 'warn' | 'offline' | 'weak' | '';
  /** Spoken at once by screen readers. */
  urgent?: boolean;
  quiet?: boolean;
  act?: 'sound' | 'result';
}

const t = texts(room);

const warn = (title: string, text = '', more: Partial<Notice> = {}): Notice => ({
  title,
  text,
  icon: 'warn',
  ...more,
});
const quiet = (title: string, text = '', more: Partial<Notice> = {}): Notice => ({
  title,
  text,
  icon: '',
  quiet: true,
  ...more,
});

export function notice(
  live: Pick<Live, 'broken' | 'link'>,
  view: SessionView,
  media: MediaRoom | null,
  trouble: string,
): Notice | null {
  const { motion, recorder } = view;
  if (live.broken) {
    return warn(faultTitle(live.broken), historyText('why'), { urgent: true });
  }
  if (trouble) return warn(trouble, '', { urgent: true });
  if (live.link === 'lost') {
    return warn(t('lostTitle'), t('lostWhy'), { urgent: true, icon: 'offline' });
  }
  if (view.trouble) return warn(t('troubleTitle'), view.trouble, { urgent: true });
  if (recorder.state === 'stopped') {
    return warn(t('recordingStoppedTitle'), `${recorder.reason} ${t('recordingStoppedWhy')}`);
  }
  if (media?.silent) return warn(t('silentTitle'), '', { act: 'sound' });
  if (media?.paused) return warn(t('weakTitle'), t('weakWhy'), { icon: 'weak' });
  if (media?.state === 'lost') {
    return warn(t('mediaLostTitle'), t('mediaLostWhy'), { icon: 'offline' });
  }
  if (media?.state === 'elsewhere') return warn(t('elsewhereTitle'), t('elsewhereWhy'));
  if (media?.refusedDevice) return warn(t('deviceDenied'), t('deviceDeniedWhy'));
  if (view.chair_away_since && view.opened_at) {
    return warn(t('chairAway', { time: clock(view.chair_away_since) }), t('chairAwayWhy'));
  }
  if (view.stage === 'recess') return quiet(t('recessTitle'), t('recessWhy'));
  if (motion?.state === 'announced') {
    return quiet(t('announced', { arithmetic: motion.arithmetic }), '', { act: 'result' });
  }
  if (motion?.state === 'void') return quiet(t('voided', { reason: motion.void_reason }));
  return null;
}
