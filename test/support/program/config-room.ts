import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '../../../src/config/config-error.ts'
import { type ConfigInput, loadConfig } from '../../../src/config/load/load-config.ts'

/** Loads settings as a command does that is started in `cwd`, with files in a folder that `remove()` removes. */
export function openConfigRoom(cwd: string) {
  const folder = mkdtempSync(join(tmpdir(), 'berth-config-'))
  const load = (input: Partial<ConfigInput> = {}) => loadConfig({ flags: {}, env: {}, cwd, ...input })
  return {
    folder,
    load,
    /** Writes a file. @returns its path. */
    write(name: string, text: string): string {
      const file = join(folder, name)
      writeFileSync(file, text)
      return file
    },
    /** The error with which the settings are refused. */
    refusal(input: Partial<ConfigInput>): ConfigError {
      try {
        load(input)
      } catch (error) {
        assert.ok(error instanceof ConfigError)
        return error
      }
      assert.fail('the settings were accepted')
    },
    remove: () => rmSync(folder, { recursive: true }),
  }
}
