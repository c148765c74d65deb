import { parse } from 'yaml'
import { quote } from '../../sites/quote.ts'
import type { ContainerFacts } from '../facts/container-facts.ts'
import { variableOf } from '../facts/variables.ts'
import {
  isRegexLocation,
  type Reading,
  readDestination,
  readHostPattern,
  readLocation,
  splitHosts,
} from './host-pattern.ts'

/** Most hosts of one container, and paths of one host: more are a mistake. */
const MAX_ENTRIES = 256
/** Longest `VIRTUAL_HOST_MULTIPORTS`, in characters. */
const MAX_MULTIPORTS_LENGTH = 64 * 1024
/** Most aliases in it: each may repeat all the rest. */
const MAX_ALIASES = 10

/** A path that a container declares. */
export interface DeclaredPath {
  readonly path: string
  readonly destination: string
  readonly port: string | undefined
  readonly protocol: string | undefined
  /** Reason why it cannot be served as declared: it answers 503. */
  readonly problem: string | undefined
}

/** A host that a container declares. */
export interface DeclaredHost {
  readonly host: string
  readonly paths: readonly DeclaredPath[]
  readonly externalHttpPort: number | undefined
  readonly externalHttpsPort: number | undefined
  /** Remarks about guesses; without the container's name. */
  readonly notes: readonly string[]
}

/** A declaration without effect. */
export interface LostHost {
  /** The name as written, or the variable it would be in. */
  readonly name: string
  /** The fault, and the remedy, a sentence without its end each. */
  readonly cause: string
  readonly fix: string
}

/** The declarations of a container, valid and invalid ones. */
interface Declared {
  readonly hosts: readonly DeclaredHost[]
  readonly lost: readonly LostHost[]
}

/** A memo: facts of a container never change. */
const read = new WeakMap<ContainerFacts, Declared>()

/**
 * The hosts and paths of a container: `VIRTUAL_HOST_MULTIPORTS`, else `VIRTUAL_HOST` and its companions. Read once for
 * the same facts.
 */
export function readDeclared(container: ContainerFacts): Declared {
  const known = read.get(container)
  if (known) return known
  const declared = readVariables(container)
  read.set(container, declared)
  return declared
}

function readVariables(container: ContainerFacts): Declared {
  const multiports = variableOf(container, 'VIRTUAL_HOST_MULTIPORTS')
  const notes: string[] = []
  const external = readExternalPorts(container, notes)
  if (multiports !== undefined) return readMultiports(multiports, { ...external, notes })
  const names = splitHosts(variableOf(container, 'VIRTUAL_HOST') ?? '')
  const draft: HostDraft = {
    paths: [
      {
        path: variableOf(container, 'VIRTUAL_PATH') ?? '/',
        destination: variableOf(container, 'VIRTUAL_DEST') ?? '',
        port: variableOf(container, 'VIRTUAL_PORT'),
        protocol: variableOf(container, 'VIRTUAL_PROTO'),
      },
    ],
    ...external,
    notes,
  }
  return readHosts(
    names.slice(0, MAX_ENTRIES).map((name) => [name, draft]),
    tooMany('VIRTUAL_HOST', names.length),
  )
}

type ExternalPorts = Pick<DeclaredHost, 'externalHttpPort' | 'externalHttpsPort'>

/** The ports that visitors use, by the variables for all hosts of a container. */
function readExternalPorts(container: ContainerFacts, notes: string[]): ExternalPorts {
  const read = (name: string): number | undefined => {
    const text = variableOf(container, name)
    const port = text === undefined ? undefined : readPort(text)
    if (text !== undefined && port === undefined)
      notes.push(`${name}=${quote(text)} is no port: give a number up to 65535. The port of Berth counts`)
    return port
  }
  return {
    externalHttpPort: read('EXTERNAL_HTTP_PORT'),
    externalHttpsPort: read('EXTERNAL_HTTPS_PORT'),
  }
}

interface PathDraft {
  readonly path: string
  readonly destination: string
  readonly port: string | undefined
  readonly protocol: string | undefined
}

interface HostDraft extends Omit<DeclaredHost, 'host' | 'paths'> {
  readonly paths: readonly PathDraft[]
}

function readHosts(
  drafts: readonly (readonly [name: string, draft: HostDraft])[],
  before: readonly LostHost[],
): Declared {
  const hosts = new Map<string, DeclaredHost>()
  const lost = [...before]
  for (const [name, draft] of drafts) {
    const reading = readHostPattern(name)
    if ('cause' in reading) lost.push({ name, ...reading })
    else if (!hosts.has(reading.value)) hosts.set(reading.value, readHost(reading.value, draft))
  }
  return { hosts: [...hosts.values()], lost }
}

function tooMany(name: string, count: number): LostHost[] {
  if (count <= MAX_ENTRIES) return []
  const cause = `${name} names ${count} hosts: the first ${MAX_ENTRIES} count`
  return [{ name, cause, fix: 'Give the others to another container' }]
}

function readHost(host: string, draft: HostDraft): DeclaredHost {
  const notes = [...draft.notes]
  const paths = draft.paths.flatMap((path) => readPath(path, notes))
  // A host without any valid path answers all the same, so that it does not fall to another's wildcard.
  return { ...draft, host, paths, notes }
}

function readPath(draft: PathDraft, notes: string[]): DeclaredPath[] {
  const path = take(readLocation(draft.path), notes)
  if (path === undefined) return []
  const destination = take(readDestination(draft.destination), notes)
  const isBroken = destination === undefined || (isRegexLocation(path) && destination !== '')
  const problem = isBroken
    ? destination === undefined
      ? `VIRTUAL_DEST=${quote(draft.destination)} is no path: give one that begins with a slash`
      : `VIRTUAL_DEST cannot take the place of the regular expression ${quote(path)}: leave it out, or give a plain path`
    : undefined
  return [{ ...draft, path, destination: isBroken ? '' : destination, problem }]
}

function take(reading: Reading, notes: string[]): string | undefined {
  if ('problem' in reading) {
    notes.push(reading.problem)
    return undefined
  }
  if (reading.note !== undefined) notes.push(reading.note)
  return reading.value
}

function readMultiports(text: string, all: ExternalPorts & Pick<HostDraft, 'notes'>): Declared {
  const name = 'VIRTUAL_HOST_MULTIPORTS'
  const fix = 'Map host names to paths, and these to port and dest, as YAML or JSON'
  const bad = (why: string): Declared => ({
    hosts: [],
    lost: [{ name, cause: `${name} cannot be used: ${why}`, fix }],
  })
  if (text.length > MAX_MULTIPORTS_LENGTH) return bad(`it is longer than ${MAX_MULTIPORTS_LENGTH} characters`)
  let document: unknown
  try {
    document = parse(text, { maxAliasCount: MAX_ALIASES, logLevel: 'error' })
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n')
    return bad(`it is neither YAML nor JSON (${quote(reason ?? '')})`)
  }
  if (!isRecord(document)) return bad('it must map host names to paths')
  const entries = Object.entries(document)
  return readHosts(
    entries.slice(0, MAX_ENTRIES).map(([host, value]) => [host.trim(), draftHost(value, all)]),
    tooMany(name, entries.length),
  )
}

/** Members of a host or a path that are no path. */
const EXTERNAL_PORTS = ['external_http_port', 'external_https_port'] as const

function draftHost(value: unknown, all: ExternalPorts & Pick<HostDraft, 'notes'>): HostDraft {
  const notes = [...all.notes]
  const members = isRecord(value) ? Object.entries(value) : []
  if (value !== null && value !== undefined && !isRecord(value)) {
    notes.push(`VIRTUAL_HOST_MULTIPORTS gives ${quote(String(value))} where paths should stand: "/" is taken`)
  }
  const isPort = ([name]: [string, unknown]): boolean => EXTERNAL_PORTS.some((each) => each === name)
  const paths = members.filter((member) => !isPort(member))
  if (paths.length > MAX_ENTRIES)
    notes.push(`VIRTUAL_HOST_MULTIPORTS names more than ${MAX_ENTRIES} paths of one host`)
  const external = (name: (typeof EXTERNAL_PORTS)[number]): number | undefined => {
    const ports = [value, ...paths.map(([, settings]) => settings)].map((each) =>
      isRecord(each) ? each[name] : undefined,
    )
    return ports.map((port) => readPort(String(port ?? ''))).find((port) => port !== undefined)
  }
  return {
    paths: (paths.length > 0 ? paths.slice(0, MAX_ENTRIES) : [['/', null] as const]).map(([path, settings]) =>
      draftPath(path, settings, notes),
    ),
    externalHttpPort: external('external_http_port') ?? all.externalHttpPort,
    externalHttpsPort: external('external_https_port') ?? all.externalHttpsPort,
    notes,
  }
}

const PATH_MEMBERS: readonly string[] = ['port', 'dest', 'proto', ...EXTERNAL_PORTS]

function draftPath(path: string, settings: unknown, notes: string[]): PathDraft {
  const members = isRecord(settings) ? settings : {}
  const strange = Object.keys(members).find((name) => !PATH_MEMBERS.includes(name))
  if (strange !== undefined)
    notes.push(`VIRTUAL_HOST_MULTIPORTS has ${quote(strange)}, which means nothing there`)
  if (settings !== null && settings !== undefined && !isRecord(settings)) {
    notes.push(
      `VIRTUAL_HOST_MULTIPORTS gives ${quote(String(settings))} where port and dest of ${quote(path)} should stand`,
    )
  }
  const of = (name: string): string | undefined => {
    const given = members[name]
    return typeof given === 'string' || typeof given === 'number'
      ? String(given).trim() || undefined
      : undefined
  }
  return { path: path.trim() || '/', destination: of('dest') ?? '', port: of('port'), protocol: of('proto') }
}

/** A TCP port in decimal. */
export function readPort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return port > 0 && port <= 65_535 ? port : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
