/** Pages of chairs, secretaries, officers and administrators. */
import type { Page } from '$lib/router.svelte';

export const leaderPages: readonly Page[] = [
  { path: '/phien/:id/chu-tri', load: () => import('./chair/Chair.svelte') },
  { path: '/phien/:id/thu-ky', load: () => import('./secretary/Secretary.svelte') },
];
