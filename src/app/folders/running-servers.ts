import { readdir, readFile, readlink } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { LOCK_FILE } from './data-folder.ts'

/** Open files read of one process: a server opens its lock before it listens, so it is among the first. */
const MAX_OPEN_FILES = 64
/** Processes read: more than a machine with Berth has; the bound keeps a command short. */
const MAX_PROCESSES = 20_000

/** A Berth that serves on this machine. */
export interface RunningServer {
  readonly pid: number
  /** The path in the server's view; undefined: this user may not read the process. */
  readonly dataDir: string | undefined
  /** True if it sees other files than this process does: it runs in a container, or this process does. */
  readonly isInContainer: boolean
}

/**
 * Finds the servers that run on this machine by the lock that each holds, as far as this user may see them. Only Linux
 * shows it (/proc); elsewhere the list is empty.
 */
export async function findRunningServers(): Promise<RunningServer[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(pids.slice(0, MAX_PROCESSES).map(lookAt))
  return found.filter((server) => server !== undefined)
}

async function lookAt(pid: string): Promise<RunningServer | undefined> {
  // A process may end during the reading, and those of other users show only their command line.
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  if (!isServer(commandLine.split(/[\0 ]/))) return undefined
  const files = await readdir(`/proc/${pid}/fd`).catch(() => undefined)
  if (!files) return { pid: Number(pid), dataDir: undefined, isInContainer: false }
  const numbers = files.map(Number).sort((a, b) => a - b)
  const links = numbers
    .slice(0, MAX_OPEN_FILES)
    .map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => ''))
  const lock = (await Promise.all(links)).find((path) => basename(path) === LOCK_FILE)
  if (lock === undefined) return undefined
  return { pid: Number(pid), dataDir: dirname(lock), isInContainer: await seesOtherFiles(pid) }
}

/**
 * True if a command line is that of `berth serve`: Node, flags, Berth's main file, `serve`. A process that has hidden a
 * password in it has spaces between its words.
 */
function isServer(words: readonly string[]): boolean {
  const main = words.findIndex((word) => /\/(?:src\/main\.ts|dist\/main\.js)$/.test(word))
  return main > 0 && words.slice(main + 1).includes('serve') && words.some((word) => /berth/i.test(word))
}

async function seesOtherFiles(pid: string): Promise<boolean> {
  const [own, other] = await Promise.all(
    ['self', pid].map((name) => readlink(`/proc/${name}/ns/mnt`).catch(() => undefined)),
  )
  return own !== undefined && other !== undefined && own !== other
}
