/** The demo's person of this address or name, so that nobody has to type. */
import { get } from '$lib/api/client';
import type { DemoPeople, DemoPerson } from '$lib/api/types';

export async function demoPerson(name?: string): Promise<DemoPerson | undefined> {
  const { people } = await get<DemoPeople>('/api/demo/people');
  if (name) return people.find((person) => person.name === name);
  return people.find((person) => new URL(person.url).host === location.host) ?? people[0];
}
