/** How long until a session begins, in the words of a person: `8 phút`, `2 giờ`, `3 ngày`. */
export function until(starts: string, now: number): string | null {
  const minutes = Math.ceil((new Date(starts).getTime() - now) / 60_000);
  if (minutes <= 0) return null;
  if (minutes < 60) return `${minutes} phút`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48)
    return minutes % 60 && hours < 6 ? `${hours} giờ ${minutes % 60} phút` : `${hours} giờ`;
  return `${Math.floor(hours / 24)} ngày`;
}
