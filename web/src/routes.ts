/** Every page of the site. The first that fits is shown. */
import type { Page } from '$lib/router.svelte';
import { leaderPages } from './routes/leaders';
import { memberPages } from './routes/pages';

export const pages: readonly Page[] = [...memberPages, ...leaderPages];
