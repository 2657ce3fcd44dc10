/** Vietnamese without marks and case, for searching: "na lua" finds "Nà Lúa". */
export const plain = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .replace(/đ/gi, 'd')
    .toLowerCase();
