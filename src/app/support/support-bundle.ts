import type { Config } from '../../config/config.ts'
import { examine } from '../doctor/examine.ts'
import { messageOf } from '../doctor/finding.ts'
import { readStatus, type Status } from '../status/read-status.ts'
import { readServerReport } from '../status/status-socket.ts'
import { describeMachine } from './describe-machine.ts'
import { listConfiguredNames, listNamesOfLine, listReportedNames, listStoredNames } from './find-names.ts'
import { findSecrets } from './find-secrets.ts'
import { hideSecrets } from './hide-secrets.ts'
import { listFolder } from './list-folder.ts'
import { NameVeil } from './name-veil.ts'

/** Longest bundle, in characters: it can be mailed. The recent lines of a server with many workers are cut, the oldest first. */
const MAX_CHARACTERS = 8_000_000

/** Part of a bundle. */
export interface BundlePart {
  readonly title: string
  readonly text: string
}

/** Sources of a bundle. */
interface BundleOptions {
  readonly config: Config
  readonly version: string
  /** The settings, masked, a line each. */
  readonly settings: string
  /** False: names of repositories, accounts, hosts and clients are replaced by pseudonyms. */
  readonly hasNames: boolean
}

/**
 * Gathers what somebody needs who looks into a fault from afar: versions, settings, findings of doctor, figures, the data
 * folder's entries and the last lines of the log. It has no secrets, and no content of images. What cannot be had is
 * named with the reason.
 */
export async function gatherBundle(options: BundleOptions): Promise<BundlePart[]> {
  const { config, version, settings, hasNames } = options
  const status = await attempt(() => readStatus(config))
  const lines = await attempt(() => readLines(config.dataDir))
  const parts: BundlePart[] = [
    { title: 'Versions and machine', text: toJson(describeMachine(version)) },
    { title: 'Settings in effect, secrets masked', text: settings },
    { title: 'Findings of doctor', text: toText(await attempt(async () => toJson(await examine(config)))) },
    { title: 'Figures of the server and of its data', text: toText(status, (value) => toJson(value)) },
    {
      title: 'Entries of the data folder: kind, mode, owner, bytes, time, name',
      text: toText(await attempt(() => listFolder(config.dataDir)), (entries) => entries.join('\n')),
    },
    { title: 'Last lines of the log, of each process', text: toText(lines, (kept) => cut(kept).join('\n')) },
  ]
  const secrets = await findSecrets(config)
  const safe = parts.map(({ title, text }) => ({ title, text: hideSecrets(text, secrets) }))
  if (hasNames) return safe
  const veil = await makeVeil(config, {
    status: 'value' in status ? status.value : undefined,
    lines: 'value' in lines ? lines.value : [],
  })
  return safe.map(({ title, text }) => ({ title, text: veil.cover(text) }))
}

async function makeVeil(
  config: Config,
  { status, lines }: { status: Status | undefined; lines: readonly string[] },
): Promise<NameVeil> {
  const veil = new NameVeil()
  // If the database cannot be read this fails: the names of repositories would stay.
  const stored = await listStoredNames(config)
  const reported = status ? listReportedNames(status) : []
  for (const name of [...stored, ...listConfiguredNames(config), ...reported]) veil.add(name)
  for (const line of lines) for (const name of listNamesOfLine(line)) veil.add(name)
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

type Attempt<T> = { readonly value: T } | { readonly problem: string }

async function attempt<T>(read: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await read() }
  } catch (error) {
    return { problem: messageOf(error) }
  }
}

function toText<T>(attempt: Attempt<T>, format: (value: T) => string = String): string {
  return 'value' in attempt ? format(attempt.value) : `Cannot be had: ${attempt.problem}`
}

function toJson(value: unknown): string {
  return JSON.stringify(value, undefined, 2)
}
