import { type CompileContext, close, warn } from '../directives/compile-context.ts'
import type { DirectiveContext } from '../directives/directive-entry.ts'
import { EMPTY_HTTP_LEVEL, type HttpLevel } from '../directives/http-level.ts'
import { type Location, type LocationContent, LocationSet } from '../route/locations.ts'
import type { CompiledServer } from '../route/plan.ts'
import { createRouter } from '../route/route.ts'
import { defaultSettings } from '../settings/default-settings.ts'
import type { AccessSettings, LocationSettings } from '../settings/settings.ts'
import { type Directive, parseVhostFile } from '../syntax/parser.ts'
import type { DirectiveProblem } from '../syntax/problem.ts'
import { parseTemplate } from '../syntax/template.ts'
import { checkDirectives } from './check-directives.ts'
import { checkVariables } from './check-variables.ts'
import {
  compileLevel,
  compileLocations,
  deriveRedirect,
  type LevelParts,
  parseMatcher,
  toLocationKey,
} from './compile-location.ts'
import { compileSteps } from './compile-steps.ts'
import { interpretSettings } from './interpret-settings.ts'

/** A vhost file, with its path as the operator knows it. */
export interface VhostFile {
  readonly file: string
  readonly text: string
}

/** A path that was declared for a host, with the files that belong to it. */
export interface DeclaredLocation {
  /** As in `PathDeclaration`: an nginx location. */
  readonly path: string
  readonly destination: string
  /** Content of the location's begin. */
  readonly locationFile: VhostFile | undefined
  /** Content in place of the location's own. */
  readonly overrideFile: VhostFile | undefined
  /** A password file of the htpasswd folder for this path. */
  readonly basic: { readonly realm: string; readonly file: string } | undefined
}

/** Inputs of a host's server. */
export interface ServerParts {
  readonly host: string
  readonly isRegistry: boolean
  readonly serverFile: VhostFile | undefined
  readonly locations: readonly DeclaredLocation[]
  readonly httpLevel?: HttpLevel
  /** Rules for a host that is for internal networks only; undefined: the networks that are private by nature. */
  readonly internalFile?: VhostFile | undefined
  /** Path of a file named in a vhost file; undefined if it is outside the allowed folders. */
  readonly resolvePath: (path: string) => string | undefined
  /** True if `access_log` can name a file; undefined: true. */
  readonly hasLogFiles?: boolean
  /** Text of a file for `include`; undefined if there is none. */
  readonly readInclude: (path: string) => string | undefined
}

/** Compiles a host's vhost files and declared paths. Never throws: faults are in `problems`. */
export function compileServer(parts: ServerParts): CompiledServer {
  const problems: DirectiveProblem[] = []
  const { host, httpLevel = EMPTY_HTTP_LEVEL, resolvePath, readInclude, hasLogFiles = true } = parts
  const context: CompileContext = {
    host,
    httpLevel,
    problems,
    resolvePath,
    hasLogFiles,
    readInclude,
    reported: new Set(),
    count: { directives: 0 },
  }
  const server = httpLevel.servers.get(host)
  if (server)
    close(context, server, `"server" here is for ${host}, and is not read: put it into the vhost folder`)
  const files = parts.locations.map((location) => readDeclared(location, context))
  const directives = [
    ...readFile(parts.serverFile, context, 'server'),
    ...files.flatMap(({ beside }) => beside.filter(({ name }) => name !== 'location')),
  ]
  const outer: LevelParts = {
    settings: inheritedSettings(parts, context),
    folder: undefined,
    isInternal: false,
    index: undefined,
    declaredPath: parts.locations[0]?.path,
    declaredPaths: parts.locations.map(({ path }) => path),
    isServer: true,
    outer: undefined,
  }
  const { level, content } = compileLevel(directives, { level: outer, matcher: undefined }, context)
  const own = [
    ...compileLocations(directives, level, context),
    ...files.flatMap((file) => compileBeside(file, level, context)),
  ]
  const declared = files.flatMap((file) => compileDeclared(file, { level, own }, context))
  const steps = compileSteps(directives, level.settings, context)
  const locations = new LocationSet([...own, ...declared])
  checkVariables([directives, ...files.flatMap(({ inside, beside }) => [inside, beside])], context)
  return {
    problems,
    isClosed: problems.some(({ severity }) => severity === 'closes'),
    settings: level.settings,
    internalAccess: parts.internalFile && readInternalFile(parts.internalFile, context),
    passwordFiles: passwordFilesOf([level.settings, ...[...own, ...declared].flatMap(settingsOf)]),
    route: createRouter({ name: host, settings: level.settings, steps, locations, content }),
  }
}

/** Settings of `conf.d` for all hosts; the registry's own host has no limit of bodies unless its own file sets one. */
function inheritedSettings(
  { isRegistry, httpLevel = EMPTY_HTTP_LEVEL }: ServerParts,
  context: CompileContext,
): LocationSettings {
  const base = defaultSettings({ isRegistry })
  if (httpLevel.inherited.length === 0) return base
  const inherited = httpLevel.inherited.filter(({ name }) => !isRegistry || name !== 'client_max_body_size')
  const directives = checkDirectives(
    { file: 'conf.d', directives: inherited, problem: undefined },
    context,
    'server',
  )
  checkVariables([directives], context)
  return interpretSettings(base, directives, context)
}

/** `network_internal.conf` of nginx-proxy. */
function readInternalFile(file: VhostFile, context: CompileContext): AccessSettings {
  const directives = readFile(file, context, 'server')
  for (const directive of directives) {
    if (!ADDRESSES.has(directive.name))
      close(context, directive, `"${directive.name}" is not read here, only "allow" and "deny"`)
  }
  const rules = directives.filter(({ name }) => ADDRESSES.has(name))
  return interpretSettings(defaultSettings({ isRegistry: false }), rules, context).access
}

const ADDRESSES: ReadonlySet<string> = new Set(['allow', 'deny'])

function readFile(
  file: VhostFile | undefined,
  context: CompileContext,
  level: DirectiveContext,
): Directive[] {
  return file ? checkDirectives(parseVhostFile(file.text, file.file), context, level) : []
}

/** A declared path with the directives of its files. */
interface DeclaredFiles {
  readonly declared: DeclaredLocation
  /** Directives inside the location. */
  readonly inside: readonly Directive[]
  /** Directives in place of the location: an override file that holds locations itself. */
  readonly beside: readonly Directive[]
  readonly isOverridden: boolean
}

/**
 * nginx-proxy puts an override file in the place of the location, so it has a location of its own; a file without one
 * is the content of the location.
 */
function readDeclared(declared: DeclaredLocation, context: CompileContext): DeclaredFiles {
  const { overrideFile, locationFile } = declared
  const isOverridden = overrideFile !== undefined
  if (!overrideFile) {
    return { declared, inside: readFile(locationFile, context, 'location'), beside: [], isOverridden }
  }
  const parsed = parseVhostFile(overrideFile.text, overrideFile.file)
  const names = new Set(parsed.directives.map(({ name }) => name))
  const isBeside = names.has('location') && !ANSWERING.some((name) => names.has(name))
  const directives = checkDirectives(parsed, context, isBeside ? 'server' : 'location')
  return { declared, inside: isBeside ? [] : directives, beside: isBeside ? directives : [], isOverridden }
}

/** Directives that set the content of a location. */
const ANSWERING = ['proxy_pass', 'return', 'root', 'alias', 'try_files']

/** Adds the password file of the htpasswd folder to locations of an override, too, unless they set another. */
function compileBeside(
  { declared, beside }: DeclaredFiles,
  level: LevelParts,
  context: CompileContext,
): Location[] {
  const locations = beside.filter(({ name }) => name === 'location')
  const settings = declared.basic ? withPassword(level.settings, declared.basic) : level.settings
  return compileLocations(locations, { ...level, settings, declaredPath: declared.path }, context)
}

function compileDeclared(
  { declared, inside, beside, isOverridden }: DeclaredFiles,
  { level, own }: { level: LevelParts; own: readonly Location[] },
  context: CompileContext,
): Location[] {
  if (beside.length > 0) return []
  const { path, destination, basic } = declared
  const place: Directive = {
    name: 'VIRTUAL_PATH',
    args: [path],
    line: 0,
    file: context.host,
    block: undefined,
  }
  const matcher = parseMatcher(path.split(/\s+/), context)
  const problem =
    typeof matcher === 'string'
      ? matcher
      : matcher.kind === 'regex' && destination !== ''
        ? `The path ${path} is a regular expression, so nothing can take its place (VIRTUAL_DEST)`
        : undefined
  if (problem !== undefined || typeof matcher === 'string') {
    close(context, place, problem ?? '')
    return []
  }
  const twin = own.find((location) => toLocationKey(location.matcher) === toLocationKey(matcher))
  if (twin && matcher.kind !== 'regex') {
    warn(
      context,
      place,
      `A location of the vhost file takes the place of the path ${path}, which is declared`,
    )
  }
  const settings = basic ? withPassword(level.settings, basic) : level.settings
  const outer: LevelParts = { ...level, settings, declaredPath: path }
  const { level: inner, content } = compileLevel(inside, { level: outer, matcher }, context)
  const ownAnswers = isOverridden && inside.some(({ name }) => ANSWERING.includes(name) && name !== 'return')
  if (!isOverridden) refuseOwnContent(inside, context)
  const answer: LocationContent = ownAnswers ? content : { kind: 'declared', path, destination }
  return [
    {
      matcher,
      settings: inner.settings,
      steps: compileSteps(inside, inner.settings, context),
      content: answer,
      redirect: deriveRedirect(answer, matcher),
      isInternal: inner.isInternal,
      nested: new LocationSet(compileLocations(inside, inner, context)),
    },
  ]
}

/** nginx-proxy's own `proxy_pass` comes beside the directives of a location file, and nginx refuses two. */
function refuseOwnContent(inside: readonly Directive[], context: CompileContext): void {
  for (const directive of inside) {
    if (['proxy_pass', 'alias', 'try_files'].includes(directive.name)) {
      close(
        context,
        directive,
        `"${directive.name}" stands beside what is declared for this path: put it into a file ending in _location_override`,
      )
    }
  }
}

/** nginx-proxy's own lines; those of the file after them win. */
function withPassword(
  settings: LocationSettings,
  { realm, file }: { realm: string; file: string },
): LocationSettings {
  return { ...settings, access: { ...settings.access, file, basic: { realm: parseTemplate(realm), file } } }
}

function settingsOf(location: Location): LocationSettings[] {
  return [location.settings, ...location.nested.all().flatMap((inner) => settingsOf(inner))]
}

/** The files with passwords, each once. */
function passwordFilesOf(all: readonly LocationSettings[]): string[] {
  const files = all.flatMap(({ access, limitExcept }) => [
    access.basic?.file,
    limitExcept?.others.basic?.file,
  ])
  return [...new Set(files.filter((file) => file !== undefined))]
}
