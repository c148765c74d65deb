import type { Command } from 'commander'
import { createContext, printResult } from '../context/command-context.ts'
import type { Io } from '../io.ts'
import { readVersion } from '../product.ts'

/** `berth version`. */
export function addVersionCommand(program: Command, io: Io): void {
  program
    .command('version')
    .description('Print the version of Berth and of the Node it runs on.')
    .action((_options, command: Command) => {
      const version = readVersion()
      const value = { name: 'berth', version, node: process.versions.node }
      printResult(createContext(command, io), value, `berth ${version} (node ${value.node})`)
    })
}
