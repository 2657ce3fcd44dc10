import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const server = process.env.CHIBO_SERVER ?? 'http://127.0.0.1:8000';
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// The Host header is kept, so that the demo's <name>.localhost addresses work in development.
const proxy = { '/api': { target: server, ws: true, changeOrigin: false } };

export default defineConfig({
  plugins: [svelte()],
  resolve: {
    alias: { $lib: at('./src/lib'), $texts: at('./src/texts') },
    ...(process.env.VITEST ? { conditions: ['browser'] } : {}),
  },
  build: {
    target: 'es2022',
    // A font or picture inlined as data: would be refused by the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy },
  preview: { proxy },
  test: { include: ['tests/**/*.test.ts'], environment: 'node', setupFiles: ['tests/setup.ts'] },
});
