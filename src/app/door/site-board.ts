import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Logger } from 'pino'
import type { FrontDoorConfig } from '../../config/front-door.ts'
import { type WatchedFile, WatchedFolder } from '../../files/watched-folder.ts'
import { isLogFolder } from '../../front-door/answer/site-access-log.ts'
import { SiteAssembler } from '../../front-door/sites/assemble-sites.ts'
import { HostPatterns, HostTable } from '../../front-door/sites/host-table.ts'
import type { Site } from '../../front-door/sites/site.ts'
import type { AcmeWish, SiteDeclaration } from '../../front-door/sites/site-declaration.ts'
import { readHttpLevel } from '../../front-door/vhost/compile/read-http-level.ts'
import type { HttpLevel } from '../../front-door/vhost/directives/http-level.ts'
import {
  createPathResolver,
  isMadeByNginxProxy,
  nginxFileFolders,
  nginxFolder,
  passwordFolders,
} from '../folders/nginx-folders.ts'
import { declareSites, plainWish } from './declare-sites.ts'

/** Inputs and callbacks of the board. */
interface SiteBoardOptions {
  readonly door: FrontDoorConfig
  readonly logger: Logger
  /** Called with each new table. */
  readonly onSites: (sites: readonly Site[], table: HostTable<Site>) => void
}

/** All sources of sites, watched: each change makes a new table, at once. */
export class SiteBoard implements Disposable {
  readonly #options: SiteBoardOptions
  /** Compiled once: there may be thousands. */
  readonly #patterns = new HostPatterns()
  readonly #assembler = new SiteAssembler(this.#patterns)
  readonly #own: readonly SiteDeclaration[]
  readonly #resolvePath: (path: string) => string | undefined
  readonly #logged = new Set<string>()
  #vhost: WatchedFolder | undefined
  #confd: WatchedFolder | undefined
  #nginx: WatchedFolder | undefined
  #errors: WatchedFolder | undefined
  #passwords: readonly WatchedFolder[] = []
  #containers: readonly SiteDeclaration[] = []
  #isReady = false

  private constructor(options: SiteBoardOptions) {
    this.#options = options
    this.#own = declareSites(options.door)
    const vhostDir = options.door.vhostDir ?? nginxFolder('vhost.d')
    this.#resolvePath = createPathResolver({ vhostDir, htpasswdDir: options.door.htpasswdDir })
  }

  /** Reads the folders and makes the first table. */
  static async open(options: SiteBoardOptions): Promise<SiteBoard> {
    const board = new SiteBoard(options)
    await board.#openFolders()
    board.#isReady = true
    board.#assemble()
    return board
  }

  /** Replaces the declarations of containers. */
  setContainers(declarations: readonly SiteDeclaration[]): void {
    this.#containers = declarations
    this.#assemble()
  }

  [Symbol.dispose](): void {
    this.#isReady = false
    const folders = [this.#vhost, this.#confd, this.#nginx, this.#errors, ...this.#passwords]
    for (const folder of folders) folder?.close()
  }

  async #openFolders(): Promise<void> {
    const { door, logger } = this.#options
    const onProblem = (problem: string): void => logger.warn({ problem }, 'a folder cannot be read')
    const onChange = (): void => this.#assemble()
    const open = (path: string, withText: boolean, mustExist = true): Promise<WatchedFolder> =>
      WatchedFolder.open(path, { withText, mustExist, onChange, onProblem })
    const vhostDir = door.vhostDir ?? nginxFolder('vhost.d')
    const confd = nginxFolder('conf.d')
    this.#vhost = vhostDir === undefined ? undefined : await open(vhostDir, true)
    this.#confd = confd === undefined ? undefined : await open(confd, true)
    const { own, errors } = nginxFileFolders()
    this.#nginx = own === undefined ? undefined : await open(own, true)
    this.#errors = errors === undefined ? undefined : await open(errors, true)
    this.#passwords = await Promise.all(
      passwordFolders({ vhostDir, htpasswdDir: door.htpasswdDir })
        // Only nginx-proxy's own folder is searched by host; the other is named by vhost files.
        .filter((path) => path === door.htpasswdDir || path.endsWith('/htpasswd'))
        .map((path) => open(path, false, path === door.htpasswdDir)),
    )
  }

  #assemble(): void {
    if (!this.#isReady) return
    const httpLevel = this.#readHttpLevel()
    const sites = this.#assembler.assemble({
      declarations: [...this.#own, ...this.#containers],
      vhostFiles: this.#vhost?.content ?? new Map<string, WatchedFile>(),
      passwordFiles: new Map(this.#passwords.toReversed().flatMap((folder) => [...folder.content])),
      httpLevel,
      internalFile: this.#nginx?.content.get('network_internal.conf'),
      errorPage: this.#errors?.content.get('50x.html'),
      resolvePath: this.#resolvePath,
      hasLogFiles: isLogFolder(this.#options.door.siteLog),
      ownAddresses: findOwnAddresses(),
    })
    const fallback = sites.find(({ declaration }) => declaration.isDefault)
    const table = new HostTable(
      sites.map((site) => [site.declaration.host, site] as const),
      fallback,
      this.#patterns,
    )
    this.#logProblems(sites, { table, httpLevel })
    this.#options.onSites(closeUnfound(sites, table), table)
  }

  #readHttpLevel(): HttpLevel {
    const proxy = this.#nginx?.content.get('proxy.conf')
    const files = [...(this.#confd?.content.values() ?? [])].filter(({ name }) => name.endsWith('.conf'))
    return readHttpLevel(
      [proxy, ...files].flatMap((file) =>
        file && !isMadeByNginxProxy(file.name, file.text) ? [{ file: file.path, text: file.text ?? '' }] : [],
      ),
    )
  }

  /** Logs problems, once each time they begin. */
  #logProblems(
    sites: readonly Site[],
    { table, httpLevel }: { table: HostTable<Site>; httpLevel: HttpLevel },
  ): void {
    const lines = sites.flatMap(({ declaration, server }) => [
      ...declaration.warnings.map((warning) => ({ host: declaration.host, problem: warning, closes: false })),
      ...server.problems.map(({ file, line, message, severity }) => ({
        host: declaration.host,
        problem: `${file}:${line}: ${message}`,
        closes: severity === 'closes',
      })),
    ])
    for (const { file, line, message } of httpLevel.problems)
      lines.push({ host: 'all', problem: `${file}:${line}: ${message}`, closes: false })
    for (const { pattern, message } of table.problems)
      lines.push({ host: pattern, problem: message, closes: true })
    const current = new Set(lines.map(({ host, problem }) => `${host} ${problem}`))
    for (const key of this.#logged) if (!current.has(key)) this.#logged.delete(key)
    for (const { host, problem, closes } of lines) {
      const key = `${host} ${problem}`
      if (this.#logged.has(key)) continue
      this.#logged.add(key)
      if (closes) this.#options.logger.error({ host, problem }, 'a host is closed')
      else this.#options.logger.warn({ host, problem }, 'a host differs from its declaration')
    }
  }
}

/** The certificates to order from a CA, by the scope of the settings. */
export function toWishes(sites: readonly Site[], scope: FrontDoorConfig['acme']['scope']): AcmeWish[] {
  if (scope === 'off') return []
  return sites.flatMap(({ declaration }) => {
    const { acme, host, httpsMethod, source } = declaration
    if (httpsMethod === 'nohttps') return []
    if (source.kind === 'docker' && acme) return [acme]
    if (source.kind === 'config' && !acme) return []
    if (source.kind === 'docker' && scope !== 'all') return []
    return isPlainName(host) ? [acme ?? plainWish([host])] : []
  })
}

/** A host that is in no table is not served, and is shown as closed. */
function closeUnfound(sites: readonly Site[], { problems }: HostTable<Site>): readonly Site[] {
  if (problems.length === 0) return sites
  const reasons = new Map(problems.map(({ pattern, message }) => [pattern, message]))
  return sites.map((site) => {
    const reason = reasons.get(site.declaration.host)
    return reason === undefined ? site : { ...site, closed: { reason } }
  })
}

function findOwnAddresses(): ReadonlySet<string> {
  return new Set(
    Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
  )
}

function isPlainName(host: string): boolean {
  return /^[a-z0-9.-]+$/.test(host) && host.includes('.') && isIP(host) === 0
}
