/** Recognises browsers inside other apps, where cameras often fail, and the way out of them. */

export interface InApp {
  app: string;
  system: 'android' | 'ios' | 'other';
}

const APPS: readonly [RegExp, string][] = [
  [/\bZalo\b/i, 'Zalo'],
  [/FBAN|FBAV|FB_IAB/, 'Facebook'],
  [/Messenger/i, 'Messenger'],
  [/Instagram/, 'Instagram'],
  [/musical_ly|BytedanceWebview|TikTok/i, 'TikTok'],
  [/\bViber\b/i, 'Viber'],
  [/TelegramBot|Telegram-Android/i, 'Telegram'],
  [/\bLine\//, 'LINE'],
];

export function inApp(agent: string): InApp | null {
  const system = /Android/.test(agent) ? 'android' : /iPhone|iPad/.test(agent) ? 'ios' : 'other';
  for (const [sign, app] of APPS) if (sign.test(agent)) return { app, system };
  // Android's bare web view says so itself.
  if (/; wv\)/.test(agent)) return { app: 'một ứng dụng khác', system };
  return null;
}

/** An address that Android hands to Chrome. */
export function chromeIntent(address: string): string {
  const url = new URL(address);
  const scheme = url.protocol.replace(':', '');
  return `intent://${url.host}${url.pathname}${url.search}#Intent;scheme=${scheme};package=com.android.chrome;end`;
}
