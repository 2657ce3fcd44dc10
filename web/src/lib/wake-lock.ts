/** Keeps the screen on while a session runs; browsers drop the lock whenever the page is hidden. */
export function keepAwake(): () => void {
  let lock: WakeLockSentinel | null = null;
  let done = false;

  async function ask() {
    if (done || document.visibilityState !== 'visible') return;
    try {
      lock = await navigator.wakeLock?.request('screen');
    } catch {
      // A nearly empty battery may refuse; the session goes on without.
    }
  }

  document.addEventListener('visibilitychange', ask);
  void ask();
  return () => {
    done = true;
    document.removeEventListener('visibilitychange', ask);
    void lock?.release();
  };
}
