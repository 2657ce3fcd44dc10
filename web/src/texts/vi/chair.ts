/** The chair's and the secretary's consoles: their areas as one catalogue. */
import { texts } from '$lib/i18n';
import { chairConsole } from './chair-console';
import { chairNotes } from './chair-notes';
import { chairPeople } from './chair-people';
import { chairVote } from './chair-vote';

export { acts } from './chair-acts';
export { decisions } from './chair-vote';

export const chair = { ...chairConsole, ...chairPeople, ...chairVote, ...chairNotes } as const;
export const t = texts(chair);
