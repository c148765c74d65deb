import { readFile } from 'node:fs/promises'
import { until } from '../support/machine/until.ts'
import { BerthProcess, type BerthSite } from '../support/program/berth-process.ts'

/** Starts a server with two workers. Settles when both serve; connections are accepted as soon as one does. */
export async function startWorkers(
  site: Omit<BerthSite, 'flags'>,
  flags: readonly string[] = [],
): Promise<BerthProcess> {
  const welcomes = await countWelcomes(site.logFile)
  const server = await BerthProcess.start({ ...site, flags: ['--workers', '2', ...flags] })
  await until(async () => (await countWelcomes(site.logFile)) > welcomes)
  return server
}

async function countWelcomes(logFile: string): Promise<number> {
  const log = await readFile(logFile, 'utf8').catch(() => '')
  return log.split('Berth serves').length - 1
}

/** The processes that a process has started and that run. */
export async function listChildren(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return text.trim().split(/\s+/).filter(Boolean).map(Number)
}

/** True if a process runs, or is stopped. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return stat !== undefined && !/^\d+ \(.*\) [ZX]/.test(stat)
}
