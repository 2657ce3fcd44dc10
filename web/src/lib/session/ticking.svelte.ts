/** A clock that screens can read: it moves once a second while something shows it. */
import { createSubscriber } from 'svelte/reactivity';

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  return () => clearInterval(timer);
});

/** This device's time in milliseconds; whoever reads it is drawn again every second. */
export function ticking(): number {
  subscribe();
  return Date.now();
}
