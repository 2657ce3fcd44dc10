/** The words of an act: its button, headline and what happens, filled in from the view. */
import { say } from '$lib/i18n';
import { givenName } from '$lib/i18n/format';
import type { Act, Motion } from '$lib/api/types';
import { acts, t } from '$texts/vi/chair';
import { codeOf } from './acts';
import type { Desk } from './desk.svelte';

export interface Words {
  button: string;
  head: string;
  line: string;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** More names than this are a list, not a sentence: the people column has them. */
const MOST_NAMES = 4;

/** Before the announcement the server judges nothing yet, so only the count is said. */
const counted = (motion: Motion): string =>
  t('step.counted', { approve: motion.approve ?? 0, base: motion.base, needed: motion.needed });

/** Parameters come from the view; what the server names in the act wins. */
function parameters(desk: Desk, act: Pick<Act, 'body'> & Partial<Act>) {
  const { view } = desk;
  const motionId = text(act.body.motion);
  const motion = view.motions.find((one) => one.id === motionId) ?? view.motion;
  const item = desk.item(text(act.body.item) || motion?.item_id || view.current_item)?.item;
  const person = desk.person(text(act.body.person));
  const present = view.people.filter((one) => one.attendance === 'present');
  const absent = view.people.filter((one) => one.attendance.startsWith('absent'));
  const late = present.filter(
    (one) => one.votes && !motion?.ballots.some((ballot) => ballot.person === one.id),
  );
  const own: Record<string, string | number> = {
    number: item?.number ?? '',
    title: item?.title ?? '',
    minutes: item?.minutes ?? '',
    items: view.items.length,
    present: present.length,
    absent: absent.length,
    name: person?.name ?? '',
    given: person ? givenName(person.name) : '',
    rule: motion?.rule ?? '',
    arithmetic: motion ? motion.arithmetic || counted(motion) : '',
    not_voted_line:
      late.length > MOST_NAMES
        ? t('step.not_voted.many', { n: late.length })
        : late.length
          ? t('step.not_voted', {
              names: late.map((one) => `đồng chí ${givenName(one.name)}`).join(', '),
            })
          : t('step.all_voted'),
  };
  for (const [key, value] of Object.entries(act.params ?? {})) {
    if (value !== null) own[key] = value;
  }
  return own;
}

const tidy = (sentence: string) => {
  const trimmed = sentence.replace(/\s+/g, ' ').trim();
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
};

export function wordsOf(
  desk: Desk,
  act: Pick<Act, 'code' | 'command' | 'body'> & Partial<Act>,
): Words {
  const code = codeOf(act);
  const objected = code === 'announce' && act.params?.objections ? 'announce_objected' : code;
  const found = acts[objected] ?? acts[act.command.replaceAll('-', '_')];
  const params = parameters(desk, act);
  if (!found) return { button: t('step.unknown'), head: t('step.unknown'), line: act.command };
  return {
    button: tidy(say(found.button, params)),
    head: tidy(say(found.head, params)),
    line: tidy(say(found.line, params)),
  };
}
