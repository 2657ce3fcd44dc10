/** Pages of chairs, secretaries, officers and administrators. */
import type { Page } from '$lib/router.svelte';

export const leaderPages: readonly Page[] = [];
