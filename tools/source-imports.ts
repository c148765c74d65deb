/** One import or re-export in a source file. */
export interface SourceImport {
  readonly specifier: string
  /** 1-based. */
  readonly line: number
  /** True if it leaves no trace at run time. */
  readonly isTypeOnly: boolean
  /** True for `process.getBuiltinModule('x')`, which loads only the used part of a built-in module. */
  readonly isPartial?: true
}

// Formatted sources start a statement in the first column, and only names are between keyword and specifier.
const STATIC_IMPORT = /^import\s+(type\s+)?(?:[^'"();]*?\sfrom\s+)?['"]([^'"\n]+)['"]/gm
const RE_EXPORT = /^export\s+(type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s+from\s+['"]([^'"\n]+)['"]/gm
const BUILTIN_CALL = /\bprocess\.getBuiltinModule\(\s*['"]([^'"\n]+)['"]/g
const DYNAMIC_IMPORT = /(\bawait\s+|\breturn\s+|=>\s*)?\bimport\(\s*['"]([^'"\n]+)['"]/g

/**
 * Finds the imports of a formatted TypeScript module: `import`, `export … from`, and with a literal `import(…)` and
 * `process.getBuiltinModule(…)`. `import { type A }` counts as an import at run time, because the emptied statement
 * stays.
 */
export function findImports(text: string): SourceImport[] {
  const code = blankComments(text)
  const found: SourceImport[] = []
  for (const pattern of [STATIC_IMPORT, RE_EXPORT]) {
    for (const match of code.matchAll(pattern)) found.push(read(match, match[1] !== undefined))
  }
  // A bare `import('x')` in a type position is the only form without a run-time keyword before it.
  for (const match of code.matchAll(DYNAMIC_IMPORT)) found.push(read(match, match[1] === undefined))
  for (const match of code.matchAll(BUILTIN_CALL)) {
    found.push({ specifier: match[1] ?? '', line: lineOf(match), isTypeOnly: false, isPartial: true })
  }
  return found.sort((a, b) => a.line - b.line)

  function read(match: RegExpExecArray, isTypeOnly: boolean): SourceImport {
    return { specifier: match[2] ?? '', line: lineOf(match), isTypeOnly }
  }

  function lineOf(match: RegExpExecArray): number {
    return code.slice(0, match.index).split('\n').length
  }
}

/** Counts lines that hold code: neither empty nor only comment. */
export function countCodeLines(text: string): number {
  return blankComments(text)
    .split('\n')
    .filter((line) => line.trim() !== '').length
}

/** Replaces whole-line comments by spaces, keeping lines; comments after code do not matter to either use. */
export function blankComments(text: string): string {
  let isInside = false
  return text
    .split('\n')
    .map((line) => {
      const trimmed = line.trim()
      if (isInside) {
        isInside = !trimmed.includes('*/')
        return ''
      }
      if (trimmed.startsWith('//')) return ''
      if (!trimmed.startsWith('/*')) return line
      isInside = !trimmed.includes('*/')
      return ''
    })
    .join('\n')
}
