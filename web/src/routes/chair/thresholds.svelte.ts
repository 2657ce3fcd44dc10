/** Which decisions there are and what each needs, from the rules in force. */
import { get } from '$lib/api/client';
import type { RulesInForce } from '$lib/api/types';

export interface Decision {
  kind: string;
  /** `more_than_half`, `at_least_two_thirds` */
  threshold: string;
  secret: boolean;
  note: string;
  /** Nobody has shown the rule's own words yet: an officer must confirm it. */
  uncertain: boolean;
}

export function decisionsOf(rules: RulesInForce): Decision[] {
  const found = new Map<string, Decision>();
  for (const rule of rules.rules) {
    const match = /^decision\.(\w+)\.(threshold|ballot)$/.exec(rule.key);
    if (!match) continue;
    const kind = match[1]!;
    const decision = found.get(kind) ?? {
      kind,
      threshold: '',
      secret: false,
      note: '',
      uncertain: false,
    };
    if (match[2] === 'threshold') {
      decision.threshold = rule.value;
      decision.note = rule.note;
      decision.uncertain = !['seen', 'reported'].includes(rule.confidence);
    } else decision.secret = rule.value !== 'open';
    found.set(kind, decision);
  }
  return [...found.values()];
}

class Thresholds {
  decisions = $state.raw<Decision[]>([]);
  #rules = $state.raw<RulesInForce['rules']>([]);
  #asked = false;

  /** Once for all pages; without an answer the screens show less, not something wrong. */
  load() {
    if (this.#asked) return;
    this.#asked = true;
    get<RulesInForce>('/api/rules').then(
      (rules) => {
        this.#rules = rules.rules;
        this.decisions = decisionsOf(rules);
      },
      () => (this.#asked = false),
    );
  }

  /** As the rule set writes it; empty while unknown or not set. */
  valueOf(key: string): string {
    return this.#rules.find((rule) => rule.key === key)?.value ?? '';
  }

  of(kind: string): Decision | undefined {
    return this.decisions.find((decision) => decision.kind === kind);
  }
}

export const thresholds = new Thresholds();
