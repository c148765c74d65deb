import { posix } from 'node:path'
import { blankComments } from './source-imports.ts'

/** An exported name of a file. */
interface Export {
  readonly name: string
  readonly line: number
}

const DECLARATION =
  /^export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:const|let|function\*?|class|interface|type)\s+([A-Za-z_$][\w$]*)/gm
const LIST = /^export\s+(?:type\s+)?\{([^}]*)\}/gm
const NAMED_IMPORT = /^(?:import|export)\s+(?:type\s+)?\{([^}]*)\}\s+from\s+['"]([^'"\n]+)['"]/gm
const WHOLE_IMPORT = /\bimport\(\s*['"]([^'"\n]+)['"]|\*(?:\s+as\s+\w+)?\s+from\s+['"]([^'"\n]+)['"]/g
const WORD = /[A-Za-z_$][\w$]*/g

/**
 * Finds exported values and types that no other file imports, one line each: `file:line: rule`. Tests count as
 * importers: a function may be exported for its test. A file that is imported as a whole, or at run time, is used by
 * the words of its importer.
 */
export function checkExports(sources: ReadonlyMap<string, string>): string[] {
  const codes = new Map([...sources].map(([path, text]) => [path, blankComments(text)]))
  const used = findUsed(codes)
  return [...codes].flatMap(([path, code]) =>
    findExports(code)
      .filter(({ name }) => !used.has(`${path} ${name}`))
      .map(({ name, line }) => `${path}:${line}: "${name}" is exported, and no other file imports it`),
  )
}

function findExports(code: string): Export[] {
  const declared = [...code.matchAll(DECLARATION)].map((match) => ({ name: match[1] ?? '', match }))
  const listed = [...code.matchAll(LIST)].flatMap((match) =>
    splitNames(match[1]).map(([, outside]) => ({ name: outside, match })),
  )
  return [...declared, ...listed].map(({ name, match }) => ({
    name,
    line: code.slice(0, match.index).split('\n').length,
  }))
}

/** `file name` of each export that some other file uses. */
function findUsed(codes: ReadonlyMap<string, string>): ReadonlySet<string> {
  const used = new Set<string>()
  for (const [path, code] of codes) {
    for (const [, names, specifier = ''] of code.matchAll(NAMED_IMPORT)) {
      const target = posix.join(posix.dirname(path), specifier)
      for (const [inside] of splitNames(names)) used.add(`${target} ${inside}`)
    }
    const words = new Set(code.match(WORD))
    for (const [, atRunTime, asWhole = atRunTime ?? ''] of code.matchAll(WHOLE_IMPORT)) {
      const target = posix.join(posix.dirname(path), asWhole)
      for (const { name } of findExports(codes.get(target) ?? '')) {
        if (words.has(name)) used.add(`${target} ${name}`)
      }
    }
  }
  return used
}

/** Names between the braces of an import or export: inside the imported file, and outside of it. */
function splitNames(list: string | undefined): [inside: string, outside: string][] {
  return (list ?? '')
    .split(',')
    .map((part) => part.trim().replace(/^type\s+/, ''))
    .filter((part) => part !== '')
    .map((part) => {
      const [inside = '', outside = inside] = part.split(/\s+as\s+/)
      return [inside, outside]
    })
}
