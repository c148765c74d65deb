import { createHash } from 'node:crypto'
import { type CompileContext, close } from '../directives/compile-context.ts'
import type { ContentDraft } from '../directives/directive-entry.ts'
import { findDirective } from '../directives/directive-table.ts'
import { compileRegex } from '../regex/regex.ts'
import { type Location, type LocationContent, type LocationMatcher, LocationSet } from '../route/locations.ts'
import type { LocationSettings } from '../settings/settings.ts'
import type { Directive } from '../syntax/parser.ts'
import { isConstant, parseTemplate, type Template } from '../syntax/template.ts'
import { compileSteps } from './compile-steps.ts'
import { interpretSettings } from './interpret-settings.ts'

/** Parts that locations inherit from the level around them. */
export interface LevelParts {
  readonly settings: LocationSettings
  readonly folder: Folder | undefined
  /** `internal` also applies to the locations inside. */
  readonly isInternal: boolean
  readonly index: readonly string[] | undefined
  /** The declared path that `proxy_pass http://<host>` leads to here. */
  readonly declaredPath: string | undefined
  /** All declared paths: nginx-proxy names an upstream after each. */
  readonly declaredPaths: readonly string[]
  /** True outside any location. */
  readonly isServer: boolean
  /** Matcher of the enclosing location. */
  readonly outer: LocationMatcher | undefined
}

/** `root`, or `alias` with the number of characters of the path that it replaces (0: all). */
interface Folder {
  readonly template: Template
  readonly alias: { readonly length: number } | undefined
}

/** The locations among directives, with those inside them. */
export function compileLocations(
  directives: readonly Directive[],
  level: LevelParts,
  context: CompileContext,
): Location[] {
  const seen = new Set<string>()
  return directives.flatMap((directive) => {
    if (directive.name !== 'location') return []
    const matcher = parseMatcher(directive.args, context)
    if (typeof matcher === 'string') {
      close(context, directive, matcher)
      return []
    }
    const misplaced = misplacedIn(level.outer, matcher)
    if (misplaced !== undefined) close(context, directive, misplaced)
    const name = toLocationKey(matcher)
    if (name !== undefined && seen.has(name)) close(context, directive, `"location ${name}" is here twice`)
    if (name !== undefined) seen.add(name)
    return [compileLocation(directive, { matcher, level }, context)]
  })
}

/** Reason why nginx refuses a location inside another: it would never be chosen. */
function misplacedIn(outer: LocationMatcher | undefined, inner: LocationMatcher): string | undefined {
  if (!outer) return undefined
  if (inner.kind === 'named') return `"location ${inner.name}" cannot stand inside a location`
  if (outer.kind === 'named') return `No location can stand inside "location ${outer.name}"`
  if (outer.kind === 'exact') return `No location can stand inside "location = ${outer.path}"`
  if (inner.kind === 'regex') return undefined
  if (outer.kind === 'regex') return `"location ${inner.path}" cannot stand inside a regular expression`
  if (!inner.path.startsWith(outer.path)) {
    return `"location ${inner.path}" is outside of "location ${outer.path}", which is around it`
  }
  return undefined
}

/** Key that must be unique among the locations of a level; undefined for regular expressions. */
export function toLocationKey(matcher: LocationMatcher): string | undefined {
  switch (matcher.kind) {
    case 'exact':
      return `= ${matcher.path}`
    case 'prefix':
      return matcher.path
    case 'named':
      return matcher.name
    case 'regex':
      return undefined
    default:
      return matcher satisfies never
  }
}

function compileLocation(
  directive: Directive,
  { matcher, level }: { matcher: LocationMatcher; level: LevelParts },
  context: CompileContext,
): Location {
  const inside = directive.block ?? []
  const { level: inner, content } = compileLevel(inside, { level, matcher }, context)
  return {
    matcher,
    settings: inner.settings,
    steps: compileSteps(inside, inner.settings, context),
    content,
    redirect: deriveRedirect(content, matcher),
    isInternal: inner.isInternal,
    nested: new LocationSet(compileLocations(inside, inner, context)),
  }
}

/** The settings and the content of a level. */
export function compileLevel(
  directives: readonly Directive[],
  { level, matcher }: { level: LevelParts; matcher: LocationMatcher | undefined },
  context: CompileContext,
): { level: LevelParts; content: LocationContent } {
  // nginx does not pass limit_except on to locations inside (ngx_http_core_module.c), and a server has none.
  const inherited = level.isServer ? level.settings : { ...level.settings, limitExcept: undefined }
  const own = readContent(directives)
  const inner: LevelParts = {
    ...level,
    isServer: matcher === undefined,
    outer: matcher,
    settings: interpretSettings(inherited, directives, context),
    folder: toFolder(own, matcher) ?? level.folder,
    isInternal: level.isInternal || own.isInternal === true,
    index: own.index ?? level.index,
  }
  return { level: inner, content: compileContent(own, { level: inner, matcher }, context) }
}

/** The content of a level, by its directives. */
function readContent(directives: readonly Directive[]): ContentDraft {
  const draft: ContentDraft = {}
  for (const directive of directives) {
    const entry = findDirective(directive.name)
    if (entry && 'content' in entry) entry.content(draft, directive)
  }
  return draft
}

function toFolder({ root, alias }: ContentDraft, matcher: LocationMatcher | undefined): Folder | undefined {
  if (alias === undefined) return root && { template: root, alias: undefined }
  const length = matcher && 'path' in matcher ? matcher.path.length : 0
  return { template: alias.template, alias: { length } }
}

/**
 * The change of `Location` by `proxy_redirect default`: the URL of `proxy_pass` becomes the path of the location;
 * without a path in it, the upstream's root becomes ours. For a declared upstream only the path is given, since its
 * address is known once one of its servers answered.
 */
export function deriveRedirect(content: LocationContent, matcher: LocationMatcher): Location['redirect'] {
  if (content.kind !== 'proxy' && content.kind !== 'declared') return undefined
  const origin = content.kind === 'proxy' ? content.origin : ''
  const uri = content.kind === 'proxy' ? (content.uri ?? '') : content.destination
  if (uri === '') return { from: `${origin}/`, to: '/' }
  return 'path' in matcher ? { from: origin + uri, to: matcher.path } : undefined
}

const MODIFIERS: ReadonlySet<string> = new Set(['=', '^~', '~', '~*'])

/** Reads the words between `location` and its block, or a declared path. @returns a text with the fault. */
export function parseMatcher(words: readonly string[], { host }: CompileContext): LocationMatcher | string {
  const [first = '', second] = words.filter((word) => word !== '')
  const glued = second === undefined ? /^(=|\^~|~\*|~)(.+)$/s.exec(first) : undefined
  const [modifier = '', path = ''] = glued
    ? glued.slice(1)
    : second === undefined
      ? ['', first]
      : [first, second]
  if (modifier !== '' && !MODIFIERS.has(modifier)) return `A location cannot begin with "${modifier}"`
  if (modifier === '~' || modifier === '~*') {
    const compiled = compileRegex(path, modifier === '~*')
    return 'problem' in compiled
      ? `The location ${path} of ${host} cannot be used: ${compiled.problem}`
      : { kind: 'regex', pattern: compiled }
  }
  if (path.startsWith('@') && modifier === '') return { kind: 'named', name: path }
  if (!path.startsWith('/')) return `A location must begin with "/", which "${path}" does not`
  return modifier === '=' ? { kind: 'exact', path } : { kind: 'prefix', path, isFinal: modifier === '^~' }
}

function compileContent(
  { proxyPass, tryFiles, alias, root }: ContentDraft,
  { level, matcher }: { level: LevelParts; matcher: LocationMatcher | undefined },
  context: CompileContext,
): LocationContent {
  if (proxyPass && tryFiles)
    close(context, tryFiles.directive, '"try_files" beside "proxy_pass" is not understood: name a location')
  if (proxyPass) return compilePass(proxyPass, { level, matcher }, context)
  if (alias && root) close(context, alias.directive, '"alias" stands beside "root"')
  if (alias && matcher?.kind === 'named')
    close(context, alias.directive, '"alias" cannot stand in a named location')
  const { folder } = level
  if (!tryFiles && !folder) return { kind: 'none' }
  return {
    kind: 'files',
    // nginx's default root never exists here; the last word of try_files may be a status all the same.
    root: folder && !folder.alias ? folder.template : NO_ROOT,
    alias: folder?.alias && folder.template,
    aliasLength: folder?.alias?.length ?? 0,
    tryFiles: tryFiles?.words,
    index: level.index ?? ['index.html'],
  }
}

/** A folder without content. */
const NO_ROOT: Template = [{ literal: '/dev/null' }]

function compilePass(
  directive: Directive,
  { level, matcher }: { level: LevelParts; matcher: LocationMatcher | undefined },
  context: CompileContext,
): LocationContent {
  const [text = ''] = directive.args
  const [, scheme, authority = '', uri] = /^(https?):\/\/([^/?#]+)([/?].*)?$/s.exec(text) ?? []
  const template = parseTemplate(text)
  const declared = declaredNames(level, context)
  if (!isConstant(template)) return { kind: 'proxy-url', url: template, declared }
  if (scheme === undefined || authority.startsWith('unix:')) {
    close(context, directive, `"proxy_pass" needs http:// or https:// and a host, not ${text}`)
    return { kind: 'none' }
  }
  if (uri !== undefined && (matcher?.kind === 'regex' || matcher?.kind === 'named')) {
    close(
      context,
      directive,
      `"proxy_pass" cannot have a path inside a location ${matcher.kind === 'regex' ? 'with a regular expression' : 'with a name'}`,
    )
  }
  if (context.httpLevel.upstreams.has(authority)) {
    const { file, line } = context.httpLevel.upstreams.get(authority) ?? directive
    close(
      context,
      directive,
      `"proxy_pass" names the upstream of ${file}:${line}, which is not read: name its server`,
    )
  }
  const path = declared.get(authority)
  if (path !== undefined) return { kind: 'declared', path, destination: uri ?? '' }
  if (!URL.canParse(`${scheme}://${authority}`))
    close(context, directive, `"proxy_pass" has no host: ${text}`)
  return { kind: 'proxy', origin: `${scheme}://${authority}`, uri }
}

/**
 * Hosts of `proxy_pass` that stand for a declared path: nginx-proxy names the upstream of a path after the host, and
 * after the path if it is not "/".
 */
function declaredNames(level: LevelParts, { host }: CompileContext): ReadonlyMap<string, string> {
  const names = new Map(level.declaredPaths.map((path) => [upstreamName(host, path), path]))
  if (!names.has(host) && level.declaredPath !== undefined) names.set(host, level.declaredPath)
  return names
}

function upstreamName(host: string, path: string): string {
  const name = host.startsWith('~') ? sha1(host) : host
  return path === '/' ? name : `${name}-${sha1(path)}`
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}
