/** A document made by a server becomes plain elements: nothing in it may run, load or lead away. */

const KEPT = new Set([
  'header',
  'footer',
  'div',
  'section',
  'p',
  'br',
  'hr',
  'strong',
  'b',
  'em',
  'i',
  'u',
  'span',
  'table',
  'thead',
  'tbody',
  'tr',
  'th',
  'td',
  'ul',
  'ol',
  'li',
  'dl',
  'dt',
  'dd',
  'h1',
  'h2',
  'h3',
]);
/** Below the page's own headings. */
const RENAMED: Record<string, string> = {
  h1: 'h3',
  h2: 'h4',
  h3: 'h5',
  header: 'div',
  footer: 'div',
};
const DROPPED = new Set([
  'script',
  'style',
  'template',
  'noscript',
  'iframe',
  'object',
  'svg',
  'math',
]);

function copy(from: Node, into: Node, document: Document) {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) {
      into.appendChild(document.createTextNode(node.textContent ?? ''));
      continue;
    }
    if (!(node instanceof Element)) continue;
    const name = node.localName;
    if (DROPPED.has(name)) continue;
    if (!KEPT.has(name)) {
      copy(node, into, document);
      continue;
    }
    const made = document.createElement(RENAMED[name] ?? name);
    made.className = [name === 'header' ? 'head' : name === 'footer' ? 'foot' : '', node.className]
      .filter(Boolean)
      .join(' ');
    for (const span of ['colspan', 'rowspan']) {
      const value = node.getAttribute(span);
      if (value && /^\d{1,2}$/.test(value)) made.setAttribute(span, value);
    }
    copy(node, made, document);
    into.appendChild(made);
  }
}

/** Only known elements, their classes and cell spans survive. */
export function paper(html: string): DocumentFragment {
  // Parsing alone would already apply its style, which the page's security policy reports.
  const bare = html.replace(/<style[\s\S]*?<\/style\s*>/gi, '');
  const parsed = new DOMParser().parseFromString(bare, 'text/html');
  const made = document.createDocumentFragment();
  copy(parsed.body, made, document);
  return made;
}
