/** Dates, times, numbers and names as a Vietnamese reader writes them. */

const LOCALE = 'vi-VN';

type When = string | Date;
const date = (when: When) => (typeof when === 'string' ? new Date(when) : when);

const made = new Map<string, Intl.DateTimeFormat>();
function with_(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify(options);
  let format = made.get(key);
  if (!format) made.set(key, (format = new Intl.DateTimeFormat(LOCALE, options)));
  return format;
}

/** `19:30` */
export const clock = (when: When) =>
  with_({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(date(when));

/** `20:31:07` */
export const clockSeconds = (when: When) =>
  with_({ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(
    date(when),
  );

/** `03/12/2026` */
export const day = (when: When) =>
  with_({ day: '2-digit', month: '2-digit', year: 'numeric' }).format(date(when));

/** `thứ Năm` */
export function weekday(when: When): string {
  const name = with_({ weekday: 'long' }).format(date(when));
  return name.replace(/^Thứ/, 'thứ').replace(/^Chủ nhật$/i, 'Chủ nhật');
}

/** `2:05`, or `1:02:05` from an hour on */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export const number = (n: number, digits = 0) =>
  new Intl.NumberFormat(LOCALE, { maximumFractionDigits: digits }).format(n);

/** `1,2 MB` */
export function bytes(n: number): string {
  if (n < 1024 * 1024) return `${number(Math.max(1, n / 1024))} KB`;
  if (n < 1024 ** 3) return `${number(n / 1024 / 1024, 1)} MB`;
  return `${number(n / 1024 ** 3, 1)} GB`;
}

/** Vietnamese call a person by the last word: `Lường Thị Sen` → `Sen` */
export const givenName = (name: string) => name.trim().split(/\s+/).at(-1) ?? name;

/** Family and given name: `Lò Văn Chung` → `LC` */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const first = words[0]?.[0] ?? '';
  return words.length > 1 ? (first + (words.at(-1)?.[0] ?? '')).toUpperCase() : first.toUpperCase();
}

/** `0900000172` → `0900 000 172` */
export const phone = (digits: string) =>
  digits.replace(/\D/g, '').replace(/^(\d{4})(\d{3})(\d{3,4})$/, '$1 $2 $3') || digits;

/** `7K2M94TX` in groups of four, for reading out */
export const groups = (text: string, size = 4) =>
  text.match(new RegExp(`.{1,${size}}`, 'g'))?.join(' ') ?? text;
