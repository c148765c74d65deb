/** A comment of a TypeScript source: its text on one line, and the line where it begins, counted from 1. */
interface SourceComment {
  readonly line: number
  readonly text: string
}

/** Beginnings that make a riddle of a comment: the noun, or "True if", is plainer. */
const BEGINNING = /^(?:What|Who|Whose|Where|How|Whether)\b/

/** Words that treat things as persons. Quoted words and code are the names of something, and are allowed. */
const PERSONAL = /\b(?:told|tells|asked|nobody's)\b/i

/** Parts of a comment that quote: code, links and quotations. */
const QUOTED = /`[^`]*`|\{@link [^}]*\}|"[^"]*"/g

/** Comments of a formatted source: blocks, lines that follow one another, and those after code. */
export function findComments(source: string): SourceComment[] {
  const comments: SourceComment[] = []
  let open: { kind: 'block' | 'lines'; line: number; texts: string[] } | undefined
  const close = (): void => {
    if (open) comments.push({ line: open.line, text: open.texts.join(' ').replace(/\s+/g, ' ').trim() })
    open = undefined
  }
  for (const [index, text] of source.split('\n').entries()) {
    if (open?.kind === 'block') {
      open.texts.push(text.replace(/\*\/.*$/, '').replace(/^\s*\* ?/, ''))
      if (text.includes('*/')) close()
      continue
    }
    const whole = /^\s*\/\/ ?(.*)$/.exec(text)
    if (whole) {
      open ??= { kind: 'lines', line: index + 1, texts: [] }
      open.texts.push(whole[1] ?? '')
      continue
    }
    close()
    const start = /^\s*\/\*\*? ?(.*)$/.exec(text)
    const after = /^[^'"`]*[^'"`\s:]\s+(?:\/\/ |\/\*\*? )(.*)$/.exec(text)
    const content = start?.[1] ?? after?.[1]
    if (content === undefined) continue
    open = {
      kind: start && !text.includes('*/') ? 'block' : 'lines',
      line: index + 1,
      texts: [content.replace(/\*\/.*$/, '')],
    }
    if (open.kind === 'lines') close()
  }
  close()
  return comments
}

/** Checks the comments of sources, given by path, against the house rules about words: `file:line: rule`. */
export function checkWords(sources: ReadonlyMap<string, string>): string[] {
  return [...sources].flatMap(([path, source]) =>
    findComments(source).flatMap(({ line, text }) => {
      const rule = judge(text)
      return rule === undefined ? [] : [`${path}:${line}: ${rule}`]
    }),
  )
}

function judge(text: string): string | undefined {
  const beginning = BEGINNING.exec(text)
  if (beginning) return `the comment begins with "${beginning[0]}": name the thing, or say "True if"`
  const personal = PERSONAL.exec(text.replace(QUOTED, ''))
  if (personal) return `the comment says "${personal[0]}": things have values, calls return, limits apply`
  return undefined
}
