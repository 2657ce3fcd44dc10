/** Pages of members, and those before sign-in. */
import type { Page } from '$lib/router.svelte';

export const memberPages: readonly Page[] = [];
