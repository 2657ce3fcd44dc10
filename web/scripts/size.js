// Prints what a visit downloads, gzipped, and fails when it is more than the project allows.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const DIST = join(dirname(fileURLToPath(import.meta.url)), '../dist');
const manifest = JSON.parse(readFileSync(join(DIST, '.vite/manifest.json'), 'utf8'));

const gzipped = new Map();
function size(file) {
  if (!gzipped.has(file)) {
    const bytes = readFileSync(join(DIST, file));
    // Fonts are compressed already; a server sends them as they are.
    gzipped.set(
      file,
      file.endsWith('.woff2') ? bytes.length : gzipSync(bytes, { level: 9 }).length,
    );
  }
  return gzipped.get(file);
}

/** A page that several others import is listed under its chunk's name. */
const shared = (key) =>
  Object.values(manifest).find((chunk) => chunk.name === key.replace(/^.*\/|\.svelte$/g, ''));

/** Files of these sources and of all they import at once. */
function closure(sources, files = new Set(['index.html']), seen = new Set()) {
  for (const key of sources) {
    if (seen.has(key)) continue;
    seen.add(key);
    const chunk = manifest[key] ?? shared(key);
    if (!chunk) throw new Error(`no such chunk: ${key}`);
    for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
    for (const asset of chunk.assets ?? []) if (asset.endsWith('.woff2')) files.add(asset);
    closure(chunk.imports ?? [], files, seen);
  }
  return files;
}

const page = (path) => `src/routes/${path}.svelte`;
// `start` and `room` are put together in vite.config.ts.
const signIn = ['index.html', 'start'];
const vote = [...signIn, 'room'];
const sheets = ['People', 'Documents', 'Chat', 'Result', 'Minutes', 'Leave'];
const room = [
  ...vote,
  ...['Home', 'Session', 'Check', 'room/Stage'].map((name) => page(`member/${name}`)),
  ...sheets.map((name) => page(`member/room/${name}Sheet`)),
  'src/fonts/more.css',
];

const visits = [
  { name: 'sign in', sources: signIn, limit: null },
  { name: 'sign in, roll call and vote', sources: vote, limit: 60 },
  { name: 'everything of a member before media', sources: room, limit: 200 },
  { name: 'the same with media', sources: [...room, 'src/lib/media/room.svelte.ts'], limit: null },
];

// Chunks that import each other run in an order nobody chose: a blank page.
if (closure(signIn).has(shared('room').file))
  throw new Error('the start chunk imports the room: name the module in vite.config.ts');

let over = false;
for (const { name, sources, limit } of visits) {
  const files = [...closure(sources)];
  const of = (end) =>
    files.filter((file) => file.endsWith(end)).reduce((sum, file) => sum + size(file), 0);
  const parts = { scripts: of('.js'), styles: of('.css'), fonts: of('.woff2'), page: of('.html') };
  const total = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
  const kb = (bytes) => (bytes / 1024).toFixed(1).padStart(6);
  const detail = Object.entries(parts).map(([kind, bytes]) => `${kind} ${kb(bytes).trim()}`);
  const verdict =
    limit === null ? '' : total <= limit * 1024 ? `, within ${limit}` : `, OVER ${limit}`;
  if (limit !== null && total > limit * 1024) over = true;
  console.log(`${kb(total)} KB  ${name}${verdict}  (${detail.join(', ')})`);
  if (process.argv.includes('-v'))
    for (const file of files.sort((a, b) => size(b) - size(a)))
      console.log(`          ${kb(size(file))}  ${file}`);
}
process.exit(over ? 1 : 0);
