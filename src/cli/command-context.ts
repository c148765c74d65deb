import type { Command } from 'commander'
import { type LoadedConfig, loadConfig } from '../config/load-config.ts'
import type { Io } from './io.ts'

/** What the action of a command works with. */
export interface CommandContext {
  readonly io: Io
  /** Output is for programs. */
  readonly isJson: boolean
  /** Values of flags by their names without dashes: the command's own and those of `berth` itself. */
  readonly flags: Readonly<Record<string, unknown>>
  /** Tells something on standard error that does not keep the command from its work. */
  warn(message: string): void
  /** The effective configuration; what it ignores is told on standard error. */
  loadConfig(): LoadedConfig
}

/** The context of a command that was called. */
export function contextOf(command: Command, io: Io): CommandContext {
  const options: Record<string, unknown> = command.optsWithGlobals()
  const flags = Object.fromEntries(Object.entries(options).map(([name, value]) => [kebab(name), value]))
  const isJson = flags.json === true
  const warn = (message: string): void => {
    io.stderr.write(isJson ? `${JSON.stringify({ warning: { message } })}\n` : `warning: ${message}\n`)
  }
  return {
    io,
    isJson,
    flags,
    warn,
    loadConfig() {
      const loaded = loadConfig({ flags, env: io.env, cwd: io.cwd, isTerminal: io.isOutputTerminal })
      for (const message of loaded.warnings) warn(message)
      return loaded
    },
  }
}

/** Prints a result: as one JSON document, or in words. */
export function printResult({ io, isJson }: CommandContext, value: unknown, text: string): void {
  io.stdout.write(isJson ? `${JSON.stringify(value)}\n` : `${text}\n`)
}

/** The name of a flag from the name that commander gives its value: `listenHttp` -> `listen-http`. */
function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
