// Lucide's icons as plain markup: the same drawings, without the code that assembles them at run
// time, which on a first visit weighs more than the icons.
import { readFile } from 'node:fs/promises';

const ICON = /@lucide\/svelte\/dist\/icons\/[\w-]+\.svelte$/;

export function plainIcons() {
  return {
    name: 'plain-icons',
    enforce: 'pre',
    async load(id) {
      if (!ICON.test(id)) return null;
      const source = await readFile(id, 'utf8');
      const data = /const iconData = (\{.*\});/.exec(source)?.[1];
      if (!data) throw new Error(`no drawing in ${id}`);
      const shapes = JSON.parse(data).node.map(([tag, attributes]) => {
        const written = Object.entries(attributes).map(([name, value]) => ` ${name}="${value}"`);
        return `<${tag}${written.join('')} />`;
      });
      return `<script lang="ts">
  let { size = 24 }: { size?: number } = $props();
</script>
<svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${shapes.join('')}</svg>`;
    },
  };
}
