import { randomBytes } from 'node:crypto'
import { access, mkdtemp, open, readFile, realpath, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isSameSetting } from '../../config/load/same-setting.ts'
import { loadYaml } from '../../config/sources/yaml.ts'
import { makeFolder, moveDurably, PRIVATE_FILE, PRIVATE_FOLDER } from '../../files/durable.ts'
import { toAppError } from '../faults/system-fault.ts'

/** Settings to write, by their names in `berth.yaml`. */
export type WantedSettings = Readonly<Record<string, unknown>>

/** A change of a settings file that is not written yet. */
export interface SettingsPlan {
  readonly file: string
  readonly text: string
  /** Names of the settings that the text adds or changes; empty: the file has all of them. */
  readonly changed: readonly string[]
  /** Settings that the file has with another value, with that value. */
  readonly conflicts: readonly { readonly name: string; readonly value: string }[]
}

/** A plan, with the settings that the file has now. */
type PlannedSettings = SettingsPlan & { readonly held: ReadonlyMap<string, unknown> }

/** The text of a settings file; undefined if there is none. Errors: `AppError`. */
export async function readSettingsFile(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw toAppError(error, 'file', file)
  }
}

/** Adds settings to the text of a file, whose comments and other settings stay. The text must be readable as YAML. */
export function planSettings(
  file: string,
  before: string | undefined,
  wanted: WantedSettings,
): PlannedSettings {
  const document = loadYaml().parseDocument(before ?? '')
  const content: unknown = document.toJS()
  const held = new Map<string, unknown>(Object.entries(content ?? {}))
  const changed: string[] = []
  const conflicts: { name: string; value: string }[] = []
  for (const [name, value] of Object.entries(wanted)) {
    const current: unknown = held.get(name)
    const isThere = current !== undefined && current !== null
    const baseDir = dirname(file)
    if (isThere && isSameSetting(name, { value: current, baseDir }, { value, baseDir })) continue
    if (isThere) conflicts.push({ name, value: String(current) })
    changed.push(name)
    document.set(name, value)
  }
  const text = changed.length === 0 ? (before ?? '') : document.toString()
  return { file, text, changed, conflicts, held }
}

/**
 * Checks that an entry can be made in a folder, or in the nearest one above that exists, before anything is changed: by
 * a probe, as permissions alone do not tell of a full disk. Errors: `AppError` of the place.
 */
export async function requireWritable(folder: string, place: 'data' | 'file'): Promise<void> {
  let at = folder
  for (;;) {
    try {
      await access(at)
      break
    } catch {
      if (dirname(at) === at) break
      at = dirname(at)
    }
  }
  try {
    await rmdir(await mkdtemp(join(at, '.setup-')))
  } catch (error) {
    throw toAppError(error, place, folder)
  }
}

/**
 * Writes a settings file whole or not at all; an existing one keeps owner and mode, a new one is for its owner alone.
 * Errors: `AppError`.
 */
export async function writeSettings({ file: named, text }: SettingsPlan): Promise<void> {
  // A symbolic link stays one: the file that it names gets the settings.
  const file = await realpath(named).catch(() => named)
  const temporary = `${file}.${randomBytes(6).toString('hex')}`
  try {
    await makeFolder(dirname(file), PRIVATE_FOLDER)
    const before = await stat(file).catch(() => undefined)
    await using handle = await open(temporary, 'wx', PRIVATE_FILE)
    await handle.writeFile(text)
    if (before) {
      await handle.chmod(before.mode & 0o777)
      if (process.getuid?.() === 0) await handle.chown(before.uid, before.gid)
    }
    await handle.sync()
    await moveDurably(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw toAppError(error, 'file', file)
  }
}
