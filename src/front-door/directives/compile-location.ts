import { type CompileContext, close } from './compile-context.ts'
import { interpretSettings } from './interpret-settings.ts'
import { type Location, type LocationContent, type LocationMatcher, LocationSet } from './locations.ts'
import type { Directive } from './parser.ts'
import { compileRegex } from './regex.ts'
import { compileSteps } from './rewrite-steps.ts'
import type { LocationSettings } from './settings.ts'
import { parseTemplate } from './template.ts'

/** What locations inherit from the level they stand in. */
export interface LevelParts {
  readonly settings: LocationSettings
  readonly root: string | undefined
  readonly index: readonly string[] | undefined
  /** The path whose declared upstream is meant by `proxy_pass http://<host>`. */
  readonly declaredPath: string | undefined
}

/** The locations among directives, with those inside them. */
export function compileLocations(
  directives: readonly Directive[],
  level: LevelParts,
  context: CompileContext,
): Location[] {
  return directives.flatMap((directive) => {
    if (directive.name !== 'location') return []
    const matcher = parseMatcher(directive.args, context)
    if (typeof matcher !== 'string') return [compileLocation(directive, { matcher, level }, context)]
    close(context, directive, matcher)
    return []
  })
}

function compileLocation(
  directive: Directive,
  { matcher, level }: { matcher: LocationMatcher; level: LevelParts },
  context: CompileContext,
): Location {
  const inside = directive.block ?? []
  const settings = interpretSettings(level.settings, inside, context)
  const root = inside.find(({ name }) => name === 'root')?.args[0] ?? level.root
  const index = inside.find(({ name }) => name === 'index')?.args ?? level.index
  const inner: LevelParts = { ...level, settings, root, index }
  const content = compileContent(inside, inner, context)
  if (
    content.kind === 'proxy' &&
    content.uri &&
    matcher.kind === 'regex' &&
    content.uri.every((part) => 'literal' in part)
  ) {
    close(context, directive, '"proxy_pass" cannot have a path inside a location with a regular expression')
  }
  return {
    matcher,
    settings,
    steps: compileSteps(inside, settings, context),
    content,
    isInternal: inside.some(({ name }) => name === 'internal'),
    nested: new LocationSet(compileLocations(inside, inner, context)),
  }
}

/** Reads what stands between `location` and its block, or a declared path. @returns a text that says what is wrong. */
export function parseMatcher(words: readonly string[], context: CompileContext): LocationMatcher | string {
  const [first = '', second] = words.filter((word) => word !== '')
  const glued = second === undefined ? /^(=|\^~|~\*|~)(.+)$/.exec(first) : undefined
  const [modifier, path] = glued
    ? [glued[1] ?? '', glued[2] ?? '']
    : second === undefined
      ? ['', first]
      : [first, second]
  switch (modifier) {
    case '':
      if (path.startsWith('@')) return { kind: 'named', name: path }
      return { kind: 'prefix', path, isFinal: false }
    case '=':
      return { kind: 'exact', path }
    case '^~':
      return { kind: 'prefix', path, isFinal: true }
    case '~':
    case '~*': {
      const compiled = compileRegex(path, modifier === '~*')
      return 'problem' in compiled
        ? `The location ${path} of ${context.host} cannot be used: ${compiled.problem}`
        : { kind: 'regex', regex: compiled.regex }
    }
    default:
      return `A location cannot begin with "${modifier}"`
  }
}

/** What directives of a location answer with. */
export function compileContent(
  directives: readonly Directive[],
  level: LevelParts,
  context: CompileContext,
): LocationContent {
  const pass = directives.find(({ name }) => name === 'proxy_pass')
  if (pass) return compilePass(pass, level, context)
  const alias = directives.find(({ name }) => name === 'alias')?.args[0]
  const tryFiles = directives.find(({ name }) => name === 'try_files')?.args.map(parseTemplate)
  if (alias === undefined && level.root === undefined) {
    // Its last word may be a status or a location all the same.
    return tryFiles ? { kind: 'files', root: '', alias, tryFiles, index: [] } : { kind: 'none' }
  }
  return {
    kind: 'files',
    root: level.root ?? '',
    alias,
    tryFiles,
    index: level.index ?? ['index.html'],
  }
}

function compilePass(directive: Directive, level: LevelParts, context: CompileContext): LocationContent {
  const [text = ''] = directive.args
  const [, scheme, authority = '', uri] = /^(https?):\/\/([^/?#]+)([/?].*)?$/.exec(text) ?? []
  if (scheme === undefined) {
    close(context, directive, `"proxy_pass" needs http:// or https:// and a host, not ${text}`)
    return { kind: 'none' }
  }
  // nginx-proxy names the upstream of a host after it.
  if (authority === context.host && level.declaredPath !== undefined) {
    return { kind: 'declared', path: level.declaredPath, destination: uri ?? '' }
  }
  return {
    kind: 'proxy',
    origin: parseTemplate(`${scheme}://${authority}`),
    uri: uri === undefined ? undefined : parseTemplate(uri),
  }
}
