import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import type { Config } from '../../config/config.ts'
import { isEveryAddress, type ListenAddress, LOOPBACK_ADDRESSES } from '../../config/listen-address.ts'
import { OPTION_LIST, variableOf } from '../../config/options/options.ts'
import { toSettings } from '../../config/show/describe.ts'
import { CONFIG_FILE_VARIABLE } from '../../config/sources/environment.ts'
import type { Environment } from '../../config/sources/layer.ts'

/** Longest question to the engine, in milliseconds. */
const DOCKER_TIMEOUT_MS = 5_000
/** Longest stop of the container, in seconds: the drain timeout of 30 s, and some more. */
const STOP_TIMEOUT_S = 35
/** Listeners that the container publishes. */
const LISTENERS = [
  ['listen-http', 'listenHttp'],
  ['listen-https', 'listenHttps'],
  ['listen-metrics', 'listenMetrics'],
] as const

/** The engine of this machine. */
export interface Engine {
  /** Name of the image of this version, as `npm run package -- image` gives it. */
  readonly image: string
  /** True if the engine has it. */
  readonly hasImage: boolean
}

/** The Docker engine that `docker` reaches; undefined without one. */
export async function findEngine(env: Environment, version: string): Promise<Engine | undefined> {
  if (!(await answers(env, ['version', '--format', '{{.Server.Version}}']))) return undefined
  const image = `berth:${version}`
  return { image, hasImage: await answers(env, ['image', 'inspect', '--format', '{{.Id}}', image]) }
}

async function answers(env: Environment, args: readonly string[]): Promise<boolean> {
  try {
    await promisify(execFile)('docker', args, { env, timeout: DOCKER_TIMEOUT_MS })
    return true
  } catch {
    return false
  }
}

/** Settings that a container runs with. */
interface ContainerSettings {
  readonly config: Config
  /** The settings file. */
  readonly file: string
  readonly image: string
}

/**
 * The words of the command that starts the server in a container: each file and folder of the settings has the same path inside, so that
 * commands outside find the same data, and the user is their owner. Undefined if these settings hold for this machine only: a listener is a socket
 * file, or the database or a site is on the loopback address, which a container has for itself.
 */
export async function findRunCommand({
  config,
  file,
  image,
}: ContainerSettings): Promise<readonly string[] | undefined> {
  const listeners = LISTENERS.flatMap(([name, key]) => {
    const address = config[key]
    return address ? [{ name, address }] : []
  })
  const published = listeners.flatMap(({ name, address }) => publish(name, address) ?? [undefined])
  const isWhole = published.every((word) => word !== undefined)
  if (!isWhole || needsThisMachine(config)) return undefined
  return [
    ...['docker', 'run', '--detach', '--name', 'berth', '--restart', 'unless-stopped'],
    ...[
      '--stop-timeout',
      `${STOP_TIMEOUT_S}`,
      '--cap-drop',
      'ALL',
      '--user',
      await findOwner(config.dataDir),
    ],
    ...published,
    ...['-v', `${file}:${file}:ro`, '-e', `${CONFIG_FILE_VARIABLE}=${file}`],
    ...mountedPaths(config).flatMap((path) => ['-v', `${path}:${path}`]),
    image,
  ]
}

function needsThisMachine({ database, frontDoor }: Config): boolean {
  const hasNearDatabase = database.engine === 'postgres' && isNear(database.host)
  return hasNearDatabase || (frontDoor?.sites.length ?? 0) > 0
}

/** True for a host that is this machine, or a folder of sockets on it. */
function isNear(host: string): boolean {
  const loopback: readonly string[] = LOOPBACK_ADDRESSES
  return host === 'localhost' || host.startsWith('/') || loopback.includes(host)
}

/**
 * Publishes a port; inside it is open on all addresses, as only those are reached from outside of the container. Undefined
 * for what Docker cannot publish: a socket file, or the name of a host.
 */
function publish(name: string, address: ListenAddress): string[] | undefined {
  if (address.path !== undefined) return undefined
  const { host, port } = address
  if (isEveryAddress(host)) return ['-p', `${port}:${port}`]
  const ip = host === 'localhost' ? LOOPBACK_ADDRESSES[0] : host
  if (isIP(ip) === 0) return undefined
  return ['-p', `${isIP(ip) === 6 ? `[${ip}]` : ip}:${port}:${port}`, '-e', `${variableOf(name)}=:${port}`]
}

/** Files and folders that the settings name and that exist; one inside another comes with that. */
function mountedPaths(config: Config): string[] {
  const settings = toSettings(config)
  const named = OPTION_LIST.filter(({ isPath }) => isPath).map(({ name }) => settings[name])
  const paths = named.filter((value) => typeof value === 'string').filter((path) => existsSync(path))
  const all = new Set([config.dataDir, ...paths])
  return [...all].filter((path) => ![...all].some((other) => path.startsWith(`${other}/`)))
}

/** User and group that own the data; whoever runs this if there are none yet. */
async function findOwner(dataDir: string): Promise<string> {
  const owner = await stat(dataDir).catch(() => undefined)
  return `${owner?.uid ?? process.getuid?.() ?? 0}:${owner?.gid ?? process.getgid?.() ?? 0}`
}
