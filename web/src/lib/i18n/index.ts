/** Typed message catalogues: one object of sentences per area, parameters written `{name}`. */

type ParamsOf<S extends string> = S extends `${string}{${infer P}}${infer Rest}`
  ? P | ParamsOf<Rest>
  : never;

export type Value = string | number;
export type Catalogue = Readonly<Record<string, string>>;

type Arguments<S extends string> = [ParamsOf<S>] extends [never]
  ? []
  : [params: Record<ParamsOf<S>, Value>];

export type Texts<C extends Catalogue> = <K extends keyof C & string>(
  key: K,
  ...params: Arguments<C[K]>
) => string;

/** `say('chờ thứ {place}', { place: 2 })`. A parameter that is missing stays visible in braces. */
export function say(sentence: string, params: Record<string, Value> = {}): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in params ? String(params[name]) : whole,
  );
}

const translations = new Map<Catalogue, Catalogue>();

/** Puts another language over a catalogue; sentences it lacks stay Vietnamese. */
export function translate<C extends Catalogue>(from: C, to: Partial<Record<keyof C, string>>) {
  translations.set(from, to as Catalogue);
}

export function texts<const C extends Catalogue>(catalogue: C): Texts<C> {
  return (key, ...params) =>
    say(translations.get(catalogue)?.[key] ?? catalogue[key] ?? key, params[0]);
}

/** For codes that come from the server and may be newer than this page. */
export function lookUp(catalogue: Catalogue, key: string, params?: Record<string, Value>) {
  const sentence = translations.get(catalogue)?.[key] ?? catalogue[key];
  return sentence === undefined ? undefined : say(sentence, params);
}
