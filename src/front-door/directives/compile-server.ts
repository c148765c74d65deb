import { checkDirectives } from './check-directives.ts'
import { type CompileContext, close } from './compile-context.ts'
import { compileContent, compileLocations, type LevelParts, parseMatcher } from './compile-location.ts'
import { defaultSettings } from './default-settings.ts'
import { EMPTY_HTTP_LEVEL, type HttpLevel } from './http-level.ts'
import { interpretSettings } from './interpret-settings.ts'
import { type Location, LocationSet } from './locations.ts'
import { type Directive, parseVhostFile } from './parser.ts'
import { compileSteps } from './rewrite-steps.ts'
import { createRouter } from './route.ts'
import type { CompiledServer, DirectiveProblem, LocationSettings } from './settings.ts'
import { parseTemplate } from './template.ts'

/** A vhost file by the path that the operator knows. */
export interface VhostFile {
  readonly file: string
  readonly text: string
}

/** A path that was declared for a host, with the files that belong to it. */
export interface DeclaredLocation {
  /** As in `PathDeclaration`: an nginx location. */
  readonly path: string
  readonly destination: string
  /** Stands inside the location. */
  readonly locationFile: VhostFile | undefined
  /** Stands in place of all that the location would hold. */
  readonly overrideFile: VhostFile | undefined
  /** A password file of the htpasswd folder for this path. */
  readonly basic: { readonly realm: string; readonly file: string } | undefined
}

/** What a host's server is made of. */
export interface ServerParts {
  readonly host: string
  readonly isRegistry: boolean
  readonly serverFile: VhostFile | undefined
  readonly locations: readonly DeclaredLocation[]
  readonly httpLevel?: HttpLevel
  /** Path of a file that a vhost file names; undefined if it lies where none may lie. */
  readonly resolvePath: (path: string) => string | undefined
  /** Text of a file for `include`; undefined if there is none. */
  readonly readInclude: (path: string) => string | undefined
}

/** Compiles a host's vhost files and declared paths. Never throws: what is wrong is in `problems`. */
export function compileServer(parts: ServerParts): CompiledServer {
  const problems: DirectiveProblem[] = []
  const { host, httpLevel = EMPTY_HTTP_LEVEL, resolvePath, readInclude } = parts
  const context: CompileContext = { host, httpLevel, problems, resolvePath, readInclude, told: new Set() }
  const base = interpretSettings(
    defaultSettings({ isRegistry: parts.isRegistry }),
    parts.isRegistry
      ? httpLevel.inherited.filter(({ name }) => name !== 'client_max_body_size')
      : httpLevel.inherited,
    context,
  )
  const directives = readFile(parts.serverFile, context)
  const settings = interpretSettings(base, directives, context)
  const level: LevelParts = {
    settings,
    root: rootOf(directives),
    index: indexOf(directives),
    declaredPath: parts.locations[0]?.path,
  }
  const own = compileLocations(directives, level, context)
  const declared = parts.locations.map((location) => compileDeclared(location, level, context))
  const server = {
    name: host,
    settings,
    steps: compileSteps(directives, settings, context),
    locations: new LocationSet([...own, ...declared.filter((location) => location !== undefined)]),
  }
  return {
    problems,
    isClosed: problems.some(({ severity }) => severity === 'closes'),
    settings,
    passwordFiles: passwordFilesOf([
      settings,
      ...[...own, ...declared].flatMap((location) => settingsOf(location)),
    ]),
    route: createRouter(server),
  }
}

function readFile(file: VhostFile | undefined, context: CompileContext): Directive[] {
  return file === undefined ? [] : checkDirectives(parseVhostFile(file.text, file.file), context)
}

function compileDeclared(
  declared: DeclaredLocation,
  level: LevelParts,
  context: CompileContext,
): Location | undefined {
  const { path, destination, basic } = declared
  const place: Directive = {
    name: 'VIRTUAL_PATH',
    args: [path],
    line: 0,
    file: context.host,
    block: undefined,
  }
  const matcher = parseMatcher(path.split(/\s+/), context)
  if (typeof matcher === 'string') {
    close(context, place, matcher)
    return undefined
  }
  if (matcher.kind === 'regex' && destination !== '') {
    close(
      context,
      place,
      `The path ${path} is a regular expression, so nothing can take its place (VIRTUAL_DEST)`,
    )
    return undefined
  }
  const override = readFile(declared.overrideFile, context)
  const directives = declared.overrideFile ? override : readFile(declared.locationFile, context)
  const inherited = basic ? withPassword(level.settings, basic) : level.settings
  const settings = interpretSettings(inherited, directives, context)
  const inner: LevelParts = { ...level, settings, declaredPath: path, root: rootOf(directives) ?? level.root }
  const content = compileContent(directives, inner, context)
  return {
    matcher,
    settings,
    steps: compileSteps(directives, settings, context),
    content:
      content.kind === 'none' || !hasContent(directives) ? { kind: 'declared', path, destination } : content,
    isInternal: false,
    nested: new LocationSet(compileLocations(directives, inner, context)),
  }
}

/** nginx-proxy's own lines; those of the file behind them win. */
function withPassword(
  settings: LocationSettings,
  { realm, file }: { realm: string; file: string },
): LocationSettings {
  return { ...settings, access: { ...settings.access, file, basic: { realm: parseTemplate(realm), file } } }
}

/** Whether directives say themselves what is answered. */
function hasContent(directives: readonly Directive[]): boolean {
  return directives.some(({ name }) => ['proxy_pass', 'root', 'alias', 'try_files'].includes(name))
}

function rootOf(directives: readonly Directive[]): string | undefined {
  return directives.find(({ name }) => name === 'root')?.args[0]
}

function indexOf(directives: readonly Directive[]): readonly string[] | undefined {
  return directives.find(({ name }) => name === 'index')?.args
}

function settingsOf(location: Location | undefined): LocationSettings[] {
  if (!location) return []
  return [location.settings, ...location.nested.all().flatMap((inner) => settingsOf(inner))]
}

/** The files that passwords are checked against, each once. */
function passwordFilesOf(all: readonly LocationSettings[]): string[] {
  const files = all.flatMap(({ access, limitExcept }) => [
    access.basic?.file,
    limitExcept?.others.basic?.file,
  ])
  return [...new Set(files.filter((file) => file !== undefined))]
}
