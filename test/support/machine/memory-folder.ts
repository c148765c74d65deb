import { existsSync } from 'node:fs'

/** A file system in memory. */
const MEMORY_FOLDER = '/dev/shm'

/**
 * The environment of this process, with temporary folders in memory where the system has that: for runs of many
 * thousand writes, none of which has to survive a cut of the power.
 */
export function withMemoryFolder(): NodeJS.ProcessEnv {
  return existsSync(MEMORY_FOLDER) ? { ...process.env, TMPDIR: MEMORY_FOLDER } : process.env
}
