/** Pages of chairs, secretaries, officers and administrators. */
import type { Page } from '$lib/router.svelte';

export const leaderPages: readonly Page[] = [
  { path: '/phien/:id/chu-tri', load: () => import('./chair/Chair.svelte') },
  { path: '/phien/:id/thu-ky', load: () => import('./secretary/Secretary.svelte') },
  { path: '/phien/:id/sau-hop', load: () => import('./after/After.svelte') },
  { path: '/phien/:id/ban-ghi', load: () => import('./after/RecordingPage.svelte') },
  { path: '/phien/:id/chuan-bi', load: () => import('./convene/Draft.svelte') },
  { path: '/chi-bo/:cell', load: () => import('./convene/Cell.svelte') },
  { path: '/chi-bo/:cell/nhap', load: () => import('./convene/Import.svelte') },
  { path: '/chi-bo/:cell/phien-moi', load: () => import('./convene/NewDraft.svelte') },
  { path: '/cap-tren', load: () => import('./officer/Board.svelte') },
  { path: '/quan-tri', load: () => import('./admin/Admin.svelte') },
  { path: '/phong-hop', load: () => import('./hall/Hall.svelte'), open: true },
  { path: '/ho-so/:id', load: () => import('./dossier/Dossier.svelte') },
];
