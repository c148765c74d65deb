import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { lintVhostFile } from '../front-door/directives/lint.ts'
import type { DirectiveProblem } from '../front-door/directives/settings.ts'
import { MAX_WATCHED_FILE_BYTES } from '../front-door/watched-folder.ts'
import { AppError } from './app-error.ts'
import { nginxFolder } from './nginx-folders.ts'

/** What was checked and what was found. */
export interface CheckedVhostFiles {
  readonly files: readonly string[]
  readonly problems: readonly DirectiveProblem[]
}

/**
 * Checks vhost files: those given, or all of a folder; undefined: nginx-proxy's own place.
 * Errors: `AppError` `VHOST_FILES_UNREADABLE`.
 */
export async function checkVhostFiles(
  given: readonly string[] | undefined,
  folder: string | undefined,
): Promise<CheckedVhostFiles> {
  const files = given ?? (await filesOf(folder ?? nginxFolder('vhost.d')))
  const problems: DirectiveProblem[] = []
  for (const file of files) problems.push(...lintVhostFile(await readText(file), file))
  return { files, problems }
}

async function filesOf(folder: string | undefined): Promise<string[]> {
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
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.') && !entry.name.endsWith('~'))
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
