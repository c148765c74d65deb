/** Files and sources of the repository, as far as a page may name them. */
interface NamedThings {
  /** Paths of files, from the root. */
  readonly paths: readonly string[]
  /** All TypeScript sources in one text. */
  readonly source: string
}

/** Parts of a page that are made from the code itself. */
const MADE = /<!-- [\w-]+: node [\s\S]*?<!-- \/[\w-]+ -->/g

/**
 * Finds names in code marks of a Markdown page that do not exist: paths that end in `.ts` or a slash, calls such as
 * `listen()`, and names with a capital letter such as `HostTable` or `ROUTE_ACCESS`. A path may leave out its beginning.
 * One line a name: `line: name`.
 */
export function findMissingNames(page: string, things: NamedThings): string[] {
  const text = page.replace(MADE, (part) => part.replace(/[^\n]/g, ''))
  return text.split('\n').flatMap((line, index) =>
    [...line.matchAll(/`([^`]+)`/g)]
      .map((match) => match[1] ?? '')
      .filter((name) => isChecked(name) && !isThere(name, things))
      .map((name) => `${index + 1}: ${name}`),
  )
}

function isChecked(name: string): boolean {
  return isPath(name) || isCall(name) || /^(?:[A-Z][a-z]\w*[A-Z]\w*|[A-Z]+_[A-Z_]+)$/.test(name)
}

function isPath(name: string): boolean {
  return /^[a-z][\w./-]*(?:\.ts|\/)$/.test(name)
}

function isCall(name: string): boolean {
  return /^[\w.]+\(\)$/.test(name)
}

function isThere(name: string, { paths, source }: NamedThings): boolean {
  if (isPath(name)) {
    const isFolder = name.endsWith('/')
    return paths.some((path) => `/${path}`[isFolder ? 'includes' : 'endsWith'](`/${name}`))
  }
  const word = isCall(name) ? (name.slice(0, -2).split('.').at(-1) ?? '') : name
  return new RegExp(`\\b${word}\\b${isCall(name) ? '\\s*[(<:=]' : ''}`).test(source)
}
