import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { AdminLogin } from '../../client/admin/admin-client.ts'
import { isLoopback } from '../../config/plain-http.ts'
import { CliError } from '../errors/cli-error.ts'
import type { Io } from '../io.ts'

/** Log-ins of `berth login`, by the URL of the server. */
type StoredLogins = Readonly<Record<string, Omit<AdminLogin, 'url'>>>

/** The stored log-in of a server. Errors: `USAGE` if there is none. */
export async function requireLogin(io: Io, url: string): Promise<AdminLogin> {
  const found = (await readLogins(io))[url]
  if (found) return { url, ...found }
  throw new CliError('USAGE', `There is no log-in for ${url}`, { remedy: `Run "berth login ${url}"` })
}

/** Stores a log-in in a file that only this user can read; undefined removes it. */
export async function storeLogin(
  io: Io,
  url: string,
  login: Omit<AdminLogin, 'url'> | undefined,
): Promise<string> {
  const { [url]: _old, ...others } = await readLogins(io)
  const folder = folderOf(io)
  const file = join(folder, 'logins.json')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const text = `${JSON.stringify(login ? { ...others, [url]: login } : others, null, 2)}\n`
  await writeFile(`${file}.new`, text, { mode: 0o600 })
  await chmod(`${file}.new`, 0o600)
  await rename(`${file}.new`, file)
  return file
}

async function readLogins(io: Io): Promise<StoredLogins> {
  const file = join(folderOf(io), 'logins.json')
  try {
    return JSON.parse(await readFile(file, 'utf8')) as StoredLogins
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return {}
    throw new CliError('USAGE', `The stored log-ins in ${file} cannot be read`, {
      remedy: 'Check its permissions, or remove it and log in again',
      cause,
    })
  }
}

function folderOf({ env }: Io): string {
  return join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'berth')
}

/** The URL of a server, without a path. A password over plain HTTP is readable on the way: only to this machine. Errors: `USAGE`. */
export function parseServerUrl(text: string): string {
  const url = URL.parse(text)
  if (
    !url ||
    !/^https?:$/.test(url.protocol) ||
    url.pathname !== '/' ||
    url.search ||
    url.username ||
    url.password
  ) {
    throw new CliError('USAGE', 'The URL must be https://HOST or https://HOST:PORT')
  }
  if (url.protocol === 'https:' || isLoopback(url.hostname.replace(/^\[|\]$/g, ''))) return url.origin
  throw new CliError('USAGE', `A password is not sent over plain HTTP to ${url.hostname}: use https://`)
}
