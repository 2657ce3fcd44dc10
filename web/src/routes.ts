/** Every page of the site. The first that fits is shown. */
import type { Page } from '$lib/router.svelte';
import { memberPages } from './routes/pages';

export const pages: readonly Page[] = memberPages;
/** The table of leaders' pages is fetched by leaders only: most visits never need it. */
export const allPages = async (): Promise<readonly Page[]> => [
  ...memberPages,
  ...(await import('./routes/leaders')).leaderPages,
];
