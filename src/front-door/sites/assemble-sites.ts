import { createHash } from 'node:crypto'
import type { FolderContent, WatchedFile } from '../../files/watched-folder.ts'
import { compileServer, type DeclaredLocation, type VhostFile } from '../vhost/compile/compile-server.ts'
import type { HttpLevel } from '../vhost/directives/http-level.ts'
import type { CompiledServer } from '../vhost/route/plan.ts'
import { noteAddressHosts } from './address-hosts.ts'
import { HostPatterns } from './host-table.ts'
import { OwnWishes } from './own-wishes.ts'
import type { Site } from './site.ts'
import type { PathDeclaration, SiteDeclaration } from './site-declaration.ts'

/** Sources of sites. */
interface SiteMaterial {
  /** In order of precedence: of two with one host, the first counts. */
  readonly declarations: readonly SiteDeclaration[]
  /** The vhost folder. */
  readonly vhostFiles: FolderContent
  /** Password files by name, in which nginx-proxy looks up `<host>` and `<host>_<sha1 of the path>`. */
  readonly passwordFiles: FolderContent
  readonly httpLevel: HttpLevel
  /** `network_internal.conf`; undefined: there is none. */
  readonly internalFile?: WatchedFile | undefined
  /** Nginx-proxy's page for 500, 502, 503 and 504; undefined: there is none. */
  readonly errorPage?: WatchedFile | undefined
  readonly resolvePath: (path: string) => string | undefined
  /** True if `access_log` can name a file. */
  readonly hasLogFiles: boolean
  /** Addresses of this machine; none if undefined. */
  readonly ownAddresses?: ReadonlySet<string> | undefined
}

/** Compiled servers of the last time, by their sources: a change to one host costs that host only. */
type Memory = ReadonlyMap<string, { readonly key: string; readonly server: CompiledServer }>

/** Puts declarations and files together, keeping what did not change. */
export class SiteAssembler {
  readonly #owners: OwnWishes
  #memory: Memory = new Map()

  /** `patterns`: compiled expressions of hosts, which are kept. */
  constructor(patterns: HostPatterns = new HostPatterns()) {
    this.#owners = new OwnWishes(patterns)
  }

  /** The sites, a host each. Never throws: faults of one are in it. */
  assemble(material: SiteMaterial): Site[] {
    const memory = new Map<string, { key: string; server: CompiledServer }>()
    const merged = noteAddressHosts(mergeHosts(material.declarations), material.ownAddresses ?? new Set())
    const sites = this.#owners.keep(merged).map((declaration): Site => {
      const files = findFiles(declaration, material)
      const key = deriveKey(declaration, files, material)
      const known = this.#memory.get(declaration.host)
      const server = known?.key === key ? known.server : compile(declaration, files, material)
      memory.set(declaration.host, { key, server })
      return { declaration, server, closed: closedBy(server), errorPage: material.errorPage?.text }
    })
    this.#memory = memory
    return sites
  }
}

function closedBy({ problems }: CompiledServer): Site['closed'] {
  const problem = problems.find(({ severity }) => severity === 'closes')
  return problem && { reason: `${problem.file}:${problem.line}: ${problem.message}` }
}

/** One declaration a host; those that lose leave a warning. */
function mergeHosts(declarations: readonly SiteDeclaration[]): SiteDeclaration[] {
  const byHost = new Map<string, SiteDeclaration>()
  for (const declaration of declarations) {
    const winner = byHost.get(declaration.host)
    byHost.set(
      declaration.host,
      winner ? { ...winner, warnings: [...winner.warnings, describeLoss(declaration, winner)] } : declaration,
    )
  }
  return [...byHost.values()]
}

function describeLoss({ source }: SiteDeclaration, winner: SiteDeclaration): string {
  const loser = source.kind === 'docker' ? `The container ${source.containers.join(', ')}` : 'berth.yaml'
  const by = winner.source.kind === 'registry' ? 'which Berth itself answers' : 'which berth.yaml has already'
  return `${loser} declares this host, too, ${by}`
}

interface PathFiles {
  readonly location: WatchedFile | undefined
  readonly override: WatchedFile | undefined
  readonly password: { readonly file: WatchedFile; readonly realm: string } | undefined
}

interface HostFiles {
  readonly server: WatchedFile | undefined
  readonly paths: readonly PathFiles[]
}

/** The files of a host, by nginx-proxy's names (docs/front-door.md, "Files"). */
function findFiles(declaration: SiteDeclaration, { vhostFiles, passwordFiles }: SiteMaterial): HostFiles {
  const { host } = declaration
  const isRegex = host.startsWith('~')
  const name = isRegex ? sha1(host) : host
  return {
    server: vhostFiles.get(name) ?? vhostFiles.get('default'),
    paths: declaration.paths.map(({ path }) => {
      const hashed = `${name}_${sha1(path)}`
      const exact = passwordFiles.get(hashed)
      const password = exact ?? passwordFiles.get(name)
      const where = exact ? `${host}${path}` : host
      const realm = isRegex ? 'Restricted access' : `Restricted ${where}`
      return {
        location:
          vhostFiles.get(`${hashed}_location`) ??
          vhostFiles.get(`${name}_location`) ??
          vhostFiles.get('default_location'),
        override:
          vhostFiles.get(`${hashed}_location_override`) ??
          (path === '/' ? vhostFiles.get(`${name}_location_override`) : undefined),
        password: password && { file: password, realm },
      }
    }),
  }
}

function deriveKey(declaration: SiteDeclaration, files: HostFiles, material: SiteMaterial): string {
  const paths = declaration.paths.map(({ path, destination, target }) => [path, destination, target.kind])
  const versions = [
    files.server?.version,
    ...files.paths.flatMap(({ location, override, password }) => [
      location?.version,
      override?.version,
      password?.file.path,
    ]),
  ]
  // The includes of a file are unknown before it is read: any change to the folder may concern them.
  const includes = [
    files.server,
    ...files.paths.flatMap(({ location, override }) => [location, override]),
  ].some((file) => file?.text?.includes('include'))
  const folder = includes ? [...material.vhostFiles.values()].map(({ version }) => version) : []
  const internal = declaration.networkAccess === 'internal' ? [material.internalFile?.version] : undefined
  const { kind } = declaration.source
  return JSON.stringify([kind, paths, versions, folder, internal, httpLevelKey(material.httpLevel)])
}

function httpLevelKey({ inherited, requestZones, connectionZones, servers, upstreams }: HttpLevel): unknown {
  const settings = inherited.map(({ name, args }) => [name, args])
  return [settings, [...requestZones], [...connectionZones], [...servers], [...upstreams]]
}

function compile(declaration: SiteDeclaration, files: HostFiles, material: SiteMaterial): CompiledServer {
  const server = compileServer({
    host: declaration.host,
    isRegistry: declaration.source.kind === 'registry',
    serverFile: toVhostFile(files.server),
    locations: declaration.paths.map((path, index) => toLocation(path, files.paths[index])),
    httpLevel: material.httpLevel,
    internalFile: declaration.networkAccess === 'internal' ? toVhostFile(material.internalFile) : undefined,
    resolvePath: material.resolvePath,
    hasLogFiles: material.hasLogFiles,
    readInclude: (path) => [...material.vhostFiles.values()].find((file) => file.path === path)?.text,
  })
  const unreadable = [
    files.server,
    declaration.networkAccess === 'internal' ? material.internalFile : undefined,
    ...files.paths.flatMap(({ location, override }) => [location, override]),
  ].filter((file) => file?.problem !== undefined)
  if (unreadable.length === 0) return server
  const problems = unreadable.map((file) => ({
    file: file?.path ?? '',
    line: 0,
    severity: 'closes' as const,
    message: file?.problem ?? '',
  }))
  return { ...server, isClosed: true, problems: [...problems, ...server.problems] }
}

function toLocation({ path, destination }: PathDeclaration, files: PathFiles | undefined): DeclaredLocation {
  return {
    path,
    destination,
    locationFile: toVhostFile(files?.location),
    overrideFile: toVhostFile(files?.override),
    basic: files?.password && { realm: files.password.realm, file: files.password.file.path },
  }
}

function toVhostFile(file: WatchedFile | undefined): VhostFile | undefined {
  return file?.text === undefined ? undefined : { file: file.path, text: file.text }
}

/** Of the text without a newline, as nginx-proxy names files. */
function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}
