import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MAX_HTPASSWD_FILE_BYTES } from '../../accounts/htpasswd/htpasswd-file.ts'
import {
  type HtpasswdAccount,
  type HtpasswdReading,
  parseHtpasswd,
} from '../../accounts/htpasswd/htpasswd-format.ts'
import { type NginxFolders, passwordFolders } from '../folders/nginx-folders.ts'
import { type Finding, failed, ok, reasonOf, warning } from './finding.ts'

const CHECK = 'passwords'
/** Most files checked. */
const MAX_FILES = 100
/** Most warnings of one file. */
const MAX_WARNINGS = 3
const NEW_PASSWORDS = 'Give them new passwords ("htpasswd -B -C 10", "openssl passwd -6")'

/** Checks that the users of the password files can log in. Without such folders there is no finding. */
export async function checkPasswords(
  folders: NginxFolders,
  { weakHashes, registryHosts }: { weakHashes: boolean; registryHosts: readonly string[] },
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const folder of passwordFolders(folders)) {
    try {
      const names = (await readdir(folder)).filter((name) => !name.startsWith('.') && !name.endsWith('~'))
      for (const name of names.sort().slice(0, MAX_FILES))
        findings.push(
          ...(await checkFile(join(folder, name), { weakHashes, hasOwners: registryHosts.includes(name) })),
        )
    } catch (error) {
      findings.push(
        failed(
          CHECK,
          `${folder} cannot be read (${reasonOf(error)})`,
          'Check the folder given with --htpasswd-dir',
        ),
      )
    }
  }
  return findings
}

/** Checks that the users of the registry's own password file can log in and push. */
export function checkHtpasswdFile(file: string, weakHashes: boolean): Promise<Finding[]> {
  return checkFile(file, { weakHashes, hasOwners: true })
}

async function checkFile(file: string, reading: HtpasswdReading): Promise<Finding[]> {
  try {
    const stats = await stat(file)
    if (!stats.isFile()) return []
    if (stats.size > MAX_HTPASSWD_FILE_BYTES)
      return [
        failed(
          CHECK,
          `${file} is larger than 1 MiB, so it is not read`,
          'Split it, or remove what is not needed',
        ),
      ]
    return judge(file, await readFile(file, 'utf8'), reading)
  } catch (error) {
    return [
      failed(
        CHECK,
        `${file} cannot be read (${reasonOf(error)})`,
        'Let the user Berth runs as read it: no user can log in',
      ),
    ]
  }
}

function judge(file: string, text: string, reading: HtpasswdReading): Finding[] {
  const { accounts, warnings } = parseHtpasswd(text, reading)
  const withWeak = parseHtpasswd(text, { ...reading, weakHashes: true })
  const count = accounts.size
  const lockedOut = countLockedOut(accounts)
  const isHelped = countLockedOut(withWeak.accounts) < lockedOut
  // A fault that the switch would remove is absent from a reading with the switch on.
  const cause = warnings.find((line) => isHelped && !withWeak.warnings.includes(line)) ?? warnings[0]
  const found =
    lockedOut === 0
      ? []
      : [
          failed(
            CHECK,
            `${file}: ${lockedOut} of ${count} users cannot log in: ${cause ?? 'see its lines'}`,
            isHelped ? `${NEW_PASSWORDS}, or start with --weak-hashes until they have` : NEW_PASSWORDS,
          ),
        ]
  const others = warnings
    .filter((line) => lockedOut === 0 || line !== cause)
    .slice(0, MAX_WARNINGS)
    .map((line) =>
      warning(
        CHECK,
        `${file}: ${line}`,
        'docs/logging-in.md lists the strength of each form, and which names can own repositories',
      ),
    )
  if (found.length + others.length > 0) return [...found, ...others]
  return [ok(CHECK, `${file}: ${count === 1 ? 'its one user' : `all ${count} users`} can log in`)]
}

function countLockedOut(accounts: ReadonlyMap<string, HtpasswdAccount>): number {
  return [...accounts.values()].filter(({ hash }) => hash === undefined).length
}
