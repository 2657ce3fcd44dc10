/** What people with a role find under "Việc khác của tôi". */
import type { Me } from '$lib/api/types';

export interface Task {
  href: string;
  label: string;
}

export function tasks(me: Me): Task[] {
  const found: Task[] = [];
  for (const held of me.roles) {
    if ((held.role === 'secretary' || held.role === 'deputy') && held.cell_id) {
      found.push({ href: `/chi-bo/${held.cell_id}`, label: `Chi bộ: ${held.cell_name ?? ''}` });
    }
    if (held.role === 'officer') found.push({ href: '/cap-tren', label: 'Theo dõi các chi bộ' });
    if (held.role === 'administrator') found.push({ href: '/quan-tri', label: 'Quản trị máy chủ' });
  }
  return found;
}
