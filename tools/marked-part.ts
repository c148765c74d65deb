/** A part of ARCHITECTURE.md that is made from the code. */
type PartName = 'import-table' | 'rooms'

/** The text of a part between its markers; undefined without them. */
export function readMarkedPart(markdown: string, name: PartName): string | undefined {
  const begin = markdown.indexOf(formatBegin(name))
  const end = markdown.indexOf(formatEnd(name))
  return begin < 0 || end < begin ? undefined : markdown.slice(begin + formatBegin(name).length, end).trim()
}

/** The page with a text between the markers of a part, which are appended where there are none. */
export function writeMarkedPart(markdown: string, name: PartName, text: string): string {
  const part = `${formatBegin(name)}\n${text}\n${formatEnd(name)}`
  const begin = markdown.indexOf(formatBegin(name))
  const end = markdown.indexOf(formatEnd(name))
  if (begin < 0 || end < begin) return `${markdown.trimEnd()}\n\n${part}\n`
  return markdown.slice(0, begin) + part + markdown.slice(end + formatEnd(name).length)
}

function formatBegin(name: PartName): string {
  return `<!-- ${name}: node tools/check-imports.ts --write -->`
}

function formatEnd(name: PartName): string {
  return `<!-- /${name} -->`
}
