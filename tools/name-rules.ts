/** Declarations of functions, methods and arrow functions of a formatted source, with the name of the function. */
const DECLARATION =
  /^ *(?:(?:export|static|override) )*(?:async )?(?:function\*? |const )?#?([a-z]\w*Of(?:[A-Z]\w*)?)(?:<.*)?(?: = (?:async )?[(<]|\()/

/** Beginnings of names that say what the function does: such a name may hold `Of`. */
const VERB = /^(?:count|find|free|index|is|list|make|measure|must|open|read|require|warn)[A-Z]/

/** Acts that a function does not do whose name says that it gives what a value has already. */
const ACTS: readonly (readonly [act: RegExp, text: string])[] = [
  [/\basync\b|\bawait\b|\): Promise</, 'it waits'],
  [/\bthrow\b|\bassert(?:\.\w+)?\(/, 'it may fail'],
  [/\b(?:read|readdir|stat|exists)\w*Sync\(/, 'it reads a file'],
]

/**
 * Checks that each function `xOf(y)` or `xOfZ(y)` of sources, given by path, may have that name: `y` has already what it gives, so it
 * reads nothing, waits for nothing and does not fail. `file:line: rule` for each that does.
 */
export function checkNames(sources: ReadonlyMap<string, string>): string[] {
  return [...sources].flatMap(([path, source]) => {
    const lines = source.split('\n')
    return lines.flatMap((line, index) => {
      const name = DECLARATION.exec(line)?.[1]
      if (name === undefined || VERB.test(name) || isCall(lines, index)) return []
      const text = readDeclaration(lines, index)
      return ACTS.filter(([act]) => act.test(text)).map(
        ([, why]) =>
          `${path}:${index + 1}: "${name}" is no name for a function that does more than to give: ${why}`,
      )
    })
  })
}

/** True if a line that begins with a name and a bracket is a statement: no block follows its closing bracket. */
function isCall(lines: readonly string[], index: number): boolean {
  const line = lines[index] ?? ''
  if (!/^ *#?\w+\(/.test(line)) return false
  const depth = indentation(line)
  const end = line.endsWith('(')
    ? lines.slice(index + 1).find((next) => next.trim() !== '' && indentation(next) <= depth)
    : line
  return !/(?<!=>) \{$/.test(end ?? '')
}

/** The lines of a declaration: to the bracket that ends it, or to the next line that is indented no deeper. */
function readDeclaration(lines: readonly string[], index: number): string {
  const depth = indentation(lines[index] ?? '')
  const rest = lines.slice(index + 1)
  const end = rest.findIndex(
    (line) => line.trim() !== '' && indentation(line) <= depth && !/^ *[)>]/.test(line),
  )
  return lines.slice(index, index + 1 + (end < 0 ? rest.length : end)).join('\n')
}

function indentation(line: string): number {
  return line.length - line.trimStart().length
}
