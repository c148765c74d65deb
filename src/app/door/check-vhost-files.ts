import { readFileSync, statSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { MAX_WATCHED_FILE_BYTES } from '../../files/watched-folder.ts'
import { lintVhostFile } from '../../front-door/vhost/compile/lint.ts'
import { readHttpLevel } from '../../front-door/vhost/compile/read-http-level.ts'
import type { DirectiveProblem } from '../../front-door/vhost/syntax/problem.ts'
import { AppError } from '../faults/app-error.ts'
import {
  createPathResolver,
  isMadeByNginxProxy,
  nginxFileFolders,
  nginxFolder,
} from '../folders/nginx-folders.ts'

/** Checked files and findings. */
interface CheckedVhostFiles {
  readonly files: readonly string[]
  readonly problems: readonly DirectiveProblem[]
}

/**
 * Checks vhost files: the given ones, or all of a folder; undefined: nginx-proxy's own folder. Errors: `AppError`
 * `VHOST_FILES_UNREADABLE`.
 */
export async function checkVhostFiles(
  given: readonly string[] | undefined,
  folder: string | undefined,
): Promise<CheckedVhostFiles> {
  const files = given ?? (await listFiles(folder ?? nginxFolder('vhost.d')))
  const problems: DirectiveProblem[] = []
  for (const file of files) {
    const vhostDir = folder ?? nginxFolder('vhost.d') ?? dirname(file)
    const problem = given ? undefined : await findUnread(file)
    if (problem) problems.push(problem)
    else problems.push(...lintVhostFile(await readText(file), file, includeReader(vhostDir)))
  }
  const ofAllHosts = given ? [] : await listFilesOfAllHosts()
  const texts = await Promise.all(ofAllHosts.map(async (file) => ({ file, text: await readText(file) })))
  const read = texts.filter(({ file, text }) => !isMadeByNginxProxy(basename(file), text))
  return { files: [...files, ...ofAllHosts], problems: [...problems, ...readHttpLevel(read).problems] }
}

/** Problem of a file that the server cannot read either, which closes its host. A folder belongs to no host. */
async function findUnread(file: string): Promise<DirectiveProblem | undefined> {
  try {
    const stats = await stat(file)
    if (stats.isFile() && stats.size <= MAX_WATCHED_FILE_BYTES) return undefined
    if (stats.isFile()) return { file, line: 1, severity: 'closes', message: 'it is too large' }
    return { file, line: 1, severity: 'warns', message: 'it is no file: a host of this name is closed' }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
    const message = code === 'ENOENT' ? 'it is a link to nothing' : `it cannot be read (${code})`
    return { file, line: 1, severity: 'closes', message }
  }
}

/** Reads files of `include` as the server does: only those of the vhost folder itself. */
function includeReader(vhostDir: string): (path: string) => string | undefined {
  const folder = resolve(vhostDir)
  const resolvePath = createPathResolver({ vhostDir: folder, htpasswdDir: undefined })
  return (path) => {
    const file = resolvePath(path)
    if (file === undefined || dirname(file) !== folder) return undefined
    try {
      return readFileSync(file, 'utf8')
    } catch {
      return undefined
    }
  }
}

/** `proxy.conf` and the files of `conf.d`. */
async function listFilesOfAllHosts(): Promise<string[]> {
  const confd = nginxFolder('conf.d')
  const { own } = nginxFileFolders()
  const proxy =
    own === undefined ? [] : (await listFiles(own)).filter((file) => basename(file) === 'proxy.conf')
  const files = confd === undefined ? [] : await listFiles(confd)
  return [
    ...proxy,
    ...files.filter((file) => file.endsWith('.conf') && statSync(file, { throwIfNoEntry: false })?.isFile()),
  ]
}

async function listFiles(folder: string | undefined): Promise<string[]> {
  if (folder === undefined) {
    throw new AppError(
      'VHOST_FILES_UNREADABLE',
      'No folder of vhost files is set',
      'Name it with --vhost-dir, or name files',
    )
  }
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries
      .filter(({ name }) => !name.startsWith('.') && !name.endsWith('~'))
      .map(({ name }) => join(folder, name))
      .sort()
  } catch (cause) {
    throw unreadable(folder, cause)
  }
}

async function readText(file: string): Promise<string> {
  try {
    if ((await stat(file)).size > MAX_WATCHED_FILE_BYTES) {
      throw Object.assign(new Error('too large'), { code: 'EFBIG' })
    }
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

function unreadable(path: string, cause: unknown): AppError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason'
  return new AppError(
    'VHOST_FILES_UNREADABLE',
    `${path} cannot be read (${code})`,
    'Check the path and its permissions',
    cause,
  )
}
