import { posix } from 'node:path'
import { checkRooms } from './check-rooms.ts'
import { findCycles, type ImportEdge } from './import-cycles.ts'
import { FORBIDDEN_NAMES, IMPORT_TABLE, type ImportRule } from './import-table.ts'
import { ROOM_ORDER, type RoomOrder, TEST_SUPPORT } from './room-order.ts'
import { countCodeLines, findImports, type SourceImport } from './source-imports.ts'

/** Code lines above which a file must be split, or give its reason. */
const MAX_CODE_LINES = 300
/** Lines at the top of a file that may hold the reason for its length. */
const EXCUSE_WITHIN_LINES = 5

/**
 * Checks sources, given by path from the repository's root, against the house rules about files: who imports whom,
 * arrows between rooms one way, no cycles, no drawers for anything, no overlong file. One line a problem:
 * `file:line: rule`.
 */
export function checkSources(
  sources: ReadonlyMap<string, string>,
  order: readonly RoomOrder[] = ROOM_ORDER,
): string[] {
  const problems: string[] = []
  for (const [path, text] of sources) {
    problems.push(...checkName(path), ...checkLength(path, text))
    if (!isProduct(path)) continue
    for (const found of findImports(text)) {
      const problem = checkImport(path, found)
      if (problem) problems.push(`${path}:${found.line}: ${problem}`)
    }
  }
  const edges = readEdges(sources)
  return [
    ...problems,
    ...checkRooms([...sources.keys()].filter(isProduct), edges, order),
    ...checkRooms([...sources.keys()].filter(isTestSupport), readEdges(sources, isTestSupport), order),
    ...findCycles(edges),
    ...findCycles(readEdges(sources, isTestSupport)),
    ...findCycles(edges.flatMap(betweenFolders)),
  ]
}

/** The import as one of its folder; none within a folder. Folders must not go round either, where no file does. */
function betweenFolders({ from, to, line }: ImportEdge): ImportEdge[] {
  const [start, end] = [folderOf(from), folderOf(to)]
  return start === end ? [] : [{ from: `src/${start}`, to: `src/${end}`, line }]
}

/** Imports of some files: by default the product's, which are those below `src/` that are no tests. */
export function readEdges(sources: ReadonlyMap<string, string>, isIncluded = isProduct): ImportEdge[] {
  return [...sources].flatMap(([from, text]) => {
    if (!isIncluded(from)) return []
    return findImports(text).flatMap(({ specifier, line }) => {
      const to = resolveLocal(from, specifier)
      return to === undefined ? [] : [{ from, to, line }]
    })
  })
}

function checkName(path: string): string[] {
  const names = path.split('/').map((segment) => segment.replace(/(?:\.(?:test|suite))?\.ts$/, ''))
  const bad = names.find((name) => FORBIDDEN_NAMES.includes(name))
  return bad === undefined ? [] : [`${path}:1: "${bad}" says nothing: name it by what it holds`]
}

function checkLength(path: string, text: string): string[] {
  const top = text.split('\n').slice(0, EXCUSE_WITHIN_LINES)
  if (top.some((line) => /^\/\/ long: \S/.test(line))) return []
  const lines = countCodeLines(text)
  if (lines <= MAX_CODE_LINES) return []
  return [
    `${path}:1: ${lines} code lines, ${MAX_CODE_LINES} at most: split it, or say why not in "// long: …" at the top`,
  ]
}

/** Reason why an import is not allowed; undefined if it is. */
function checkImport(path: string, found: SourceImport): string | undefined {
  const { specifier } = found
  const folder = folderOf(path)
  const rule = IMPORT_TABLE.find((row) => row.folder === folder)
  if (!rule) return `the folder "${folder}" has no row in tools/import-table.ts`
  const target = resolveLocal(path, specifier)
  if (target === undefined) return checkPackage(rule, specifier) ?? checkCost(found)
  if (!target.startsWith('src/')) return `"${specifier}" lies outside src`
  if (isTest(target)) return `"${specifier}" is a test`
  if (folderOf(target) === folder || isAllowed(rule, target)) return undefined
  return `"${folder}" must not import "${target.slice(4)}": it may import ${rule.may.join(', ') || 'nothing local'}`
}

function checkPackage(rule: ImportRule, specifier: string): string | undefined {
  const hit = rule.never.find((name) => specifier === name || specifier.startsWith(`${name}/`))
  return hit === undefined ? undefined : `"${rule.folder}" must not import "${specifier}"`
}

/**
 * An `import` of node:http reads every export once, and two of them load a client with its own HTTP/2 and WebSockets:
 * 92 modules and 15 MB at the start, of which 2 MB stay, for nothing.
 */
function checkCost({ specifier, isTypeOnly, isPartial }: SourceImport): string | undefined {
  if (specifier !== 'node:http' || isTypeOnly || isPartial) return undefined
  return '"node:http" must be imported by "import type" and "process.getBuiltinModule()": else Node loads its fetch, too'
}

function isAllowed(rule: ImportRule, target: string): boolean {
  return rule.may.some((entry) => {
    if (entry === '*') return true
    return entry.endsWith('.ts') ? target === `src/${entry}` : folderOf(target) === entry
  })
}

/** Path from the root of a relative import; undefined for a package or built-in module. */
function resolveLocal(path: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined
}

/** First segment below `src/`; `main` for `src/main.ts`. */
function folderOf(path: string): string {
  return path.split('/')[1]?.replace(/\.ts$/, '') ?? ''
}

function isProduct(path: string): boolean {
  return path.startsWith('src/') && !isTest(path)
}

function isTestSupport(path: string): boolean {
  return path.startsWith(`${TEST_SUPPORT}/`)
}

function isTest(path: string): boolean {
  return /\.(?:test|suite)\.ts$/.test(path)
}
