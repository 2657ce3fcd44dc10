import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { plainIcons } from './scripts/icons.js';

const server = process.env.CHIBO_SERVER ?? 'http://127.0.0.1:8000';
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// The Host header is kept, so that the demo's <name>.localhost addresses work in development.
const proxy = { '/api': { target: server, ws: true, changeOrigin: false } };

// Parts of Svelte that only a few pages use.
const SELDOM = 'bindings/select|svelte-head|blocks/html';
// What a first visit needs, in few files: many small ones compress badly and wait in line.
const icons = (names: string) => `@lucide/svelte/dist/icons/(${names})\\.svelte`;
const group = (name: string, ...parts: string[]) => ({
  name,
  test: new RegExp(parts.join('|')),
  includeDependenciesRecursively: false,
});
const firstNeeded = [
  group(
    'start',
    `node_modules/svelte/(?!.*(${SELDOM}))`,
    'node_modules/clsx/',
    'src/(App|main|routes)\\.',
    'src/routes/pages\\.ts',
    'src/lib/(api|i18n)/',
    'src/lib/(me|router)\\.svelte\\.ts',
    'src/lib/session/ticking',
    'src/lib/ui/(Banner|Button|CodeInput|Field|Header)\\.svelte',
    'src/routes/sign-in/(CodeStep|EntryPage|Helper|PasswordStep|SignIn)\\.svelte',
    'src/texts/vi/(errors|sign-in|ui)\\.ts',
    icons('chevron-left|clock|eye|eye-off|lock|phone|server|user-round'),
  ),
  group(
    'room',
    'src/routes/member/Room\\.svelte',
    'src/routes/member/room/(Foot|RoomHead|moment|notice)',
    'src/routes/member/vote/',
    // What checks signatures may come while the first picture of the room is drawn.
    'src/lib/session/(?!chain|pins|watch)',
    'src/lib/wake-lock',
    'src/lib/media/joining',
    'src/lib/ui/(Chip|Digits|RecordingChip|Sheet|digits)',
    'src/texts/vi/(history|room|stages|vote)\\.ts',
    icons(
      'book-check|check|circle-off|file-text|hand|log-out|mic|minus|scale|smartphone|timer|triangle-alert|users-round|wifi-off|x',
    ),
  ),
];

export default defineConfig({
  plugins: [plainIcons(), svelte()],
  resolve: {
    alias: { $lib: at('./src/lib'), $texts: at('./src/texts') },
    ...(process.env.VITEST ? { conditions: ['browser'] } : {}),
  },
  build: {
    target: 'es2022',
    manifest: true,
    // A font or picture inlined as data: would be refused by the content security policy.
    assetsInlineLimit: 0,
    modulePreload: false,
    rolldownOptions: {
      // We make no custom elements; without this their base class comes along all the same.
      treeshake: {
        moduleSideEffects: (id) =>
          !new RegExp(`svelte/src/.*(${SELDOM}|custom-element|legacy-client)`).test(id),
      },
      output: { codeSplitting: { groups: firstNeeded } },
    },
  },
  server: { proxy },
  preview: { proxy },
  test: { include: ['tests/**/*.test.ts'], environment: 'node', setupFiles: ['tests/setup.ts'] },
});
