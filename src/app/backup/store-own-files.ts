import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Config } from '../../config/config.ts'
import { DATA_FILES, SETTINGS_FILES } from '../../upkeep/backup/backup-folder.ts'
import type { StoredFile, StoredLink } from '../../upkeep/backup/generation.ts'
import { storeTree } from '../../upkeep/backup/stored-files.ts'

/** Folders of the data folder that a restored server needs: keys and certificates. */
const DATA_FOLDERS = ['certificates']

/** Files beside database and blobs, copied into a generation. */
interface OwnFiles {
  readonly files: (StoredFile | StoredLink)[]
  /** The operator's own files that could not be read, and why. */
  readonly unread: string[]
}

/**
 * Copies what a server needs beside database and blobs: certificates and keys of the data folder, which a restore puts back,
 * and the operator's own files, which lie elsewhere: a restore puts them where they can be looked up.
 */
export async function storeOwnFiles(
  config: Config,
  root: string,
  configFile: string | undefined,
): Promise<OwnFiles> {
  const files: (StoredFile | StoredLink)[] = []
  for (const name of DATA_FOLDERS)
    files.push(...(await storeTree(join(config.dataDir, name), { root, path: `${DATA_FILES}/${name}` })))
  const unread: string[] = []
  for (const [setting, path] of ownPaths(config, configFile)) {
    try {
      files.push(...(await storeTree(path, { root, path: `${SETTINGS_FILES}/${setting}/${basename(path)}` })))
    } catch (error) {
      unread.push(`${path}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { files, unread }
}

/** Paths that settings name, by setting. */
function ownPaths(config: Config, configFile: string | undefined): [setting: string, path: string][] {
  const { dataDir, htpasswdFile, tls, frontDoor } = config
  const paths: [string, string | undefined][] = [
    ['config', configFile],
    ['recorded', join(dataDir, 'server.json')],
    ['htpasswd-file', htpasswdFile],
    ['tls-cert', tls?.certFile],
    ['tls-key', tls?.keyFile],
    ['certs', frontDoor?.certsDir],
    ['vhost-dir', frontDoor?.vhostDir],
    ['htpasswd-dir', frontDoor?.htpasswdDir],
  ]
  return paths.filter((entry): entry is [string, string] => entry[1] !== undefined && existsSync(entry[1]))
}
