/** Pages of members, and those before sign-in. */
import type { Page } from '$lib/router.svelte';

export const memberPages: readonly Page[] = [
  { path: '/', load: () => import('./member/Home.svelte') },
  { path: '/dang-nhap', load: () => import('./sign-in/SignIn.svelte'), open: true },
  { path: '/mot-lan', load: () => import('./sign-in/OneTimeLink.svelte'), open: true },
  { path: '/trinh-dien', load: () => import('./sign-in/Demo.svelte'), open: true },
  { path: '/tai-khoan', load: () => import('./member/Account.svelte') },
  { path: '/phien/:id', load: () => import('./member/Session.svelte') },
  { path: '/phien/:id/vao', load: () => import('./member/Check.svelte') },
  { path: '/phien/:id/phong', load: () => import('./member/Room.svelte') },
  { path: '/phien/:id/tai-lieu/:document', load: () => import('./member/DocumentPage.svelte') },
];
