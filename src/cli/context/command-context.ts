import path from 'node:path'
import type { Command } from 'commander'
import { readServerRecord } from '../../app/folders/server-record.ts'
import { type ConfigInput, findDataDir, loadConfig } from '../../config/load/load-config.ts'
import type { LoadedConfig } from '../../config/show/loaded-config.ts'
import { CONFIG_FILE_VARIABLE } from '../../config/sources/environment.ts'
import type { RecordedSettings } from '../../config/sources/recorded.ts'
import type { Io } from '../io.ts'

/** Parameters and surroundings of a command's action. */
export interface CommandContext {
  readonly io: Io
  /** True if the output is for programs. */
  readonly isJson: boolean
  /** Values of flags by their names without dashes: the command's own and those of `berth` itself. */
  readonly flags: Readonly<Record<string, unknown>>
  /** Prints a warning on standard error; the command goes on. */
  warn(message: string): void
  /** The effective configuration; its warnings go to standard error. */
  loadConfig(): LoadedConfig
  /**
   * The configuration for a command about the server of the data folder: flags of the command win over settings of that
   * server, and those over the defaults.
   */
  loadServerConfig(more?: Readonly<Record<string, unknown>>): LoadedConfig
}

/** The context of a command. */
export function createContext(command: Command, io: Io): CommandContext {
  const options: Record<string, unknown> = command.optsWithGlobals()
  const flags = Object.fromEntries(Object.entries(options).map(([name, value]) => [kebab(name), value]))
  const isJson = flags.json === true
  const warn = (message: string): void => {
    io.stderr.write(isJson ? `${JSON.stringify({ warning: { message } })}\n` : `warning: ${message}\n`)
  }
  const input = { flags, env: io.env, cwd: io.cwd, isTerminal: io.isOutputTerminal }
  const shown = new Set<string>()
  const warnOnce = (message: string): void => {
    if (!shown.has(message)) warn(message)
    shown.add(message)
  }
  const load = (given: ConfigInput): LoadedConfig => {
    const loaded = loadConfig(given)
    for (const message of loaded.warnings) warnOnce(message)
    return loaded
  }
  return {
    io,
    isJson,
    flags,
    warn,
    loadConfig: () => load(input),
    loadServerConfig: (more = {}) =>
      load({ ...input, flags: { ...flags, ...more }, recorded: readRecorded(input, warnOnce) }),
  }
}

/** Settings of the server of the data folder. Paths that another machine or container wrote are left out. */
function readRecorded(input: ConfigInput, warn: (message: string) => void): RecordedSettings | undefined {
  const dataDir = findDataDir(input)
  const found = readServerRecord(dataDir)
  if (!found || found.isFromHere) return found?.record.settings
  warn(
    `the server of ${dataDir} knows this folder as ${found.record.dataDir}, as in a container, or before it was moved: its other settings are not used here`,
  )
  return undefined
}

/** The file of the settings, if one was given. */
export function findConfigFile({ flags, io }: CommandContext): string | undefined {
  const file = flags.config ?? io.env[CONFIG_FILE_VARIABLE]
  return typeof file === 'string' && file !== '' ? path.resolve(io.cwd, file) : undefined
}

/** Prints a result: as one JSON document, or in words. */
export function printResult({ io, isJson }: CommandContext, value: unknown, text: string): void {
  io.stdout.write(isJson ? `${JSON.stringify(value)}\n` : `${text}\n`)
}

/** The name of a flag from the name that commander gives its value: `listenHttp` -> `listen-http`. */
function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
