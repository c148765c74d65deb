import { parseVhostFile } from '../syntax/parser.ts'
import type { DirectiveProblem } from '../syntax/problem.ts'
import { compileServer, type DeclaredLocation } from './compile-server.ts'
import { findOddities } from './find-oddities.ts'

/** Stands for the host of a file that is checked by itself. */
const HOST = 'checked.invalid'

/**
 * What is wrong or odd in a vhost file, for `berth site check`, by line. What the name says of where it stands counts:
 * `…_location` and `…_location_override`. Files that it names are taken as there, and zones of limits are warned of; `readInclude` reads what it includes.
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
  // Where the server runs there may be another conf.d.
  const soft = problems.map((problem) =>
    problem.message.includes('in conf.d makes') ? { ...problem, severity: 'warns' as const } : problem,
  )
  return [...soft, ...oddities].sort((a, b) => a.line - b.line)
}
