import type { Config } from '../../config/config.ts'
import { describeConfig } from '../../config/show/describe.ts'
import type { LoadedConfig } from '../../config/show/loaded-config.ts'
import { examine } from '../doctor/examine.ts'
import { messageOf } from '../doctor/finding.ts'
import { readStatus } from '../status/read-status.ts'
import { readServerReport } from '../status/status-socket.ts'
import { describeMachine } from './describe-machine.ts'
import { listConfiguredNames, listStoredNames } from './find-names.ts'
import { findSecrets } from './find-secrets.ts'
import { hideSecrets } from './hide-secrets.ts'
import { listFolder } from './list-folder.ts'
import { NameVeil } from './name-veil.ts'
import { veilJson, veilLine } from './veil-json.ts'

/** Longest bundle, in characters: it can be mailed. The recent lines of a server with many workers are cut, the oldest first. */
const MAX_CHARACTERS = 8_000_000

/** Settings whose values are words of the operator. */
const FREE_TEXTS: ReadonlySet<string> = new Set([
  ...['auth-realm', 'traces-service', 'ldap-bind-dn', 'ldap-users', 'ldap-groups'],
  ...['ldap-user-filter', 'ldap-group-filter', 'ldap-admins'],
])

/** Part of a bundle. */
export interface BundlePart {
  readonly title: string
  readonly text: string
}

/** Sources of a bundle. */
interface BundleOptions {
  readonly loaded: LoadedConfig
  readonly version: string
  /** False: names of repositories, accounts, hosts and clients are replaced by pseudonyms. */
  readonly hasNames: boolean
}

/**
 * Gathers what somebody needs who looks into a fault from afar: versions, settings, findings of doctor, figures, the data
 * folder's entries and the last lines of the log. It has no secrets, and no content of images. What cannot be had is
 * named with the reason.
 */
export async function gatherBundle({ loaded, version, hasNames }: BundleOptions): Promise<BundlePart[]> {
  const { config } = loaded
  const veil = hasNames ? undefined : await makeVeil(config)
  const json = (value: unknown): string => JSON.stringify(veil ? veilJson(veil, value) : value, undefined, 2)
  const take = async <T>(read: () => Promise<T>, format: (value: T) => string): Promise<string> => {
    try {
      return format(await read())
    } catch (error) {
      const why = messageOf(error)
      return `Cannot be had: ${veil ? veil.cover(why) : why}`
    }
  }
  const secrets = await findSecrets(config)
  const parts: BundlePart[] = [
    { title: 'Versions and machine', text: json(describeMachine(version)) },
    {
      title: 'Settings in effect, secrets masked, and where each is from',
      text: formatSettings(loaded, veil),
    },
    { title: 'Findings of doctor', text: await take(() => examine(config), json) },
    { title: 'Figures of the server and of its data', text: await take(() => readStatus(config), json) },
    {
      title: 'Entries of the data folder: kind, mode, owner, bytes, time, name',
      text: await take(
        () => listFolder(config.dataDir),
        (entries) => entries.join('\n'),
      ),
    },
    {
      title: 'Last lines of the log, of each process',
      text: await take(
        () => readLines(config.dataDir),
        (lines) =>
          cut(lines)
            // Secrets before names: half of a token may look like a host.
            .map((line) => (veil ? veilLine(veil, hideSecrets(line, secrets)) : line))
            .join('\n'),
      ),
    },
  ]
  return parts.map(({ title, text }) => ({ title, text: hideSecrets(text, secrets) }))
}

function formatSettings(loaded: LoadedConfig, veil: NameVeil | undefined): string {
  const lines = describeConfig(loaded).map(({ name, value, source }) => {
    const text = JSON.stringify(value)
    const shown = veil ? (FREE_TEXTS.has(name) ? veil.coverNames(text) : veil.cover(text)) : text
    return `${name}: ${shown} (${source})`
  })
  return lines.join('\n')
}

/** If the database cannot be read this fails: the names of repositories would stay. */
async function makeVeil(config: Config): Promise<NameVeil> {
  const veil = new NameVeil()
  for (const name of [...(await listStoredNames(config)), ...listConfiguredNames(config)]) veil.add(name)
  return veil
}

async function readLines(dataDir: string): Promise<string[]> {
  const report = await readServerReport(dataDir, 'lines')
  if (!report) throw new Error('no server runs on this data folder: its lines are where its output goes')
  return report.processes.flatMap(({ lines }) => lines)
}

function cut(lines: readonly string[]): readonly string[] {
  let characters = 0
  const first = lines.findLastIndex((line) => {
    characters += line.length + 1
    return characters > MAX_CHARACTERS
  })
  return lines.slice(first + 1)
}
