import { parseVhostFile } from '../syntax/parser.ts'
import type { DirectiveProblem } from '../syntax/problem.ts'
import { compileServer, type DeclaredLocation } from './compile-server.ts'
import { findOddities } from './find-oddities.ts'

/** Placeholder for the host of a file that is checked by itself. */
const HOST = 'checked.invalid'

/**
 * Faults and oddities of a vhost file, for `berth site check`, by line. The file's name gives its place: `…_location`
 * and `…_location_override`. Files that it names count as present, and zones of limits only warn; `readInclude` reads
 * included files.
 */
export function lintVhostFile(
  text: string,
  file: string,
  readInclude: (path: string) => string | undefined = () => '',
): DirectiveProblem[] {
  const vhostFile = { file, text }
  const isOverride = file.endsWith('_location_override')
  const isLocation = file.endsWith('_location')
  const declared: DeclaredLocation = {
    path: '/',
    destination: '',
    locationFile: isLocation ? vhostFile : undefined,
    overrideFile: isOverride ? vhostFile : undefined,
    basic: undefined,
  }
  const { problems } = compileServer({
    host: HOST,
    isRegistry: false,
    serverFile: isLocation || isOverride ? undefined : vhostFile,
    locations: isLocation || isOverride ? [declared] : [],
    resolvePath: (path) => path,
    readInclude,
  })
  const oddities = findOddities(parseVhostFile(text, file).directives)
  // The server's machine may have another conf.d.
  const soft = problems.map((problem) =>
    problem.message.includes('in conf.d makes') ? { ...problem, severity: 'warns' as const } : problem,
  )
  return [...soft, ...oddities].sort((a, b) => a.line - b.line)
}
