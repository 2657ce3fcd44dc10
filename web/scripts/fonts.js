// Cuts Be Vietnam Pro down to what Vietnamese needs, so that a first visit stays small.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import subsetFont from 'subset-font';

const WEIGHTS = [400, 500, 600, 700];
const OUT = join(dirname(fileURLToPath(import.meta.url)), '../src/fonts');
const FILES = dirname(
  createRequire(import.meta.url).resolve(
    '@fontsource/be-vietnam-pro/files/be-vietnam-pro-latin-400-normal.woff2',
  ),
);

// Signs of programmers, which no sentence here needs, fall to the system's typeface.
const ascii = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i))
  .join('')
  .replace(/[`^~{}|\\<>@#$*=_[\]]/g, '');
const punctuation = '\u00a0–—‘’“”…·×';
const latinMarks = 'ÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝàáâãèéêìíòóôõùúý';
const vietnamese =
  'ĂăĐđĨĩŨũƠơƯưẠạẢảẤấẦầẨẩẪẫẬậẮắẰằẲẳẴẵẶặẸẹẺẻẼẽẾếỀềỂểỄễỆệỈỉỊịỌọỎỏỐốỒồỔổỖỗỘộỚớỜờỞởỠỡỢợỤụỦủỨứỪừỬửỮữỰựỲỳỴỵỶỷỸỹ₫';
const subsets = { latin: ascii + punctuation + latinMarks, vietnamese };

await mkdir(OUT, { recursive: true });
for (const weight of WEIGHTS) {
  for (const [name, text] of Object.entries(subsets)) {
    const font = await readFile(join(FILES, `be-vietnam-pro-${name}-${weight}-normal.woff2`));
    const cut = await subsetFont(font, text, {
      targetFormat: 'woff2',
      noLayoutClosure: true,
      noHinting: true,
      keepFeatures: [],
    });
    await writeFile(join(OUT, `${name}-${weight}.woff2`), cut);
  }
}
