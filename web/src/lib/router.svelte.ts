/** A small history router: a literal table of paths, each loaded when first shown. */
import type { Component } from 'svelte';

export type Params = Record<string, string>;

export interface Page {
  /** `/phien/:id/phong`; a parameter takes one segment. */
  path: string;
  load: () => Promise<{ default: Component<any> }>;
  /** Shown without a complete sign-in. */
  open?: boolean;
}

export interface Match {
  page: Page;
  params: Params;
}

export function match(pages: readonly Page[], path: string): Match | null {
  const given = path.split('/').filter(Boolean);
  for (const page of pages) {
    const wanted = page.path.split('/').filter(Boolean);
    if (wanted.length !== given.length) continue;
    const params: Params = {};
    const fits = wanted.every((part, i) => {
      const value = given[i] ?? '';
      if (!part.startsWith(':')) return part === value;
      params[part.slice(1)] = decodeURIComponent(value);
      return true;
    });
    if (fits) return { page, params };
  }
  return null;
}

class Place {
  path = $state(location.pathname);
  search = $state(location.search);

  constructor() {
    addEventListener('popstate', () => this.#read());
  }

  #read() {
    this.path = location.pathname;
    this.search = location.search;
  }

  go(to: string, how: { replace?: boolean } = {}) {
    if (to !== location.pathname + location.search) {
      history[how.replace ? 'replaceState' : 'pushState'](null, '', to);
    }
    this.#read();
    scrollTo(0, 0);
  }
}

export const place = new Place();
export const go = (to: string, how?: { replace?: boolean }) => place.go(to, how);

/** Put on `document`: plain links stay inside the page, unless opened in a new tab. */
export function followLinks(event: MouseEvent) {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element).closest?.('a');
  if (!link || link.origin !== location.origin || link.target || link.hasAttribute('download')) {
    return;
  }
  if (link.pathname.startsWith('/api/')) return;
  event.preventDefault();
  go(link.pathname + link.search);
}
