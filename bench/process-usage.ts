import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** Resources used by processes. */
interface ProcessUsage {
  /** User and system time since they began, of their ended children too. */
  readonly cpuS: number
  /** Resident memory now, in bytes; pages that processes share count for each of them. */
  readonly rssBytes: number
  /** Largest resident memory of each process since it began or since {@link resetPeaks}, in bytes, added up. */
  readonly peakRssBytes: number
}

/** Clock ticks a second in `/proc/<pid>/stat`: the value of Linux on every usual machine. */
const TICKS_PER_S = 100

/** Resources used by the processes of these ids and all below them. Linux only. */
export function readUsage(roots: readonly number[]): ProcessUsage {
  let [cpuS, rssBytes, peakRssBytes] = [0, 0, 0]
  for (const pid of listTree(roots)) {
    const fields = readStat(pid)
    const status = readProc(pid, 'status')
    if (fields === undefined || status === undefined) continue
    cpuS += ticks(fields, ['utime', 'stime', 'cutime', 'cstime']) / TICKS_PER_S
    rssBytes += kibibytes(status, 'VmRSS') * 1024
    peakRssBytes += kibibytes(status, 'VmHWM') * 1024
  }
  return { cpuS, rssBytes, peakRssBytes }
}

/** Lets the largest resident memory of the processes start again from the present one (`man 5 proc`, clear_refs). */
export function resetPeaks(roots: readonly number[]): void {
  for (const pid of listTree(roots)) writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/** Processor time of the whole machine that was not idle, in seconds since it began. */
export function readMachineBusyS(): number {
  // user, nice, system, idle, iowait, irq, softirq; guest time, which follows, is in user already.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)
    .flatMap((line) => line.split(/\s+/).slice(1).map(Number))
  return (user + nice + system + irq + softirq) / TICKS_PER_S
}

/** Processor time of this process's ended children so far, in seconds. */
export function readEndedChildrenCpuS(): number {
  return ticks(readStat(process.pid) ?? [], ['cutime', 'cstime']) / TICKS_PER_S
}

function listTree(roots: readonly number[]): Set<number> {
  const tree = new Set(roots)
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const fields = /^\d+$/.test(name) ? readStat(Number(name)) : undefined
    if (fields) parents.set(Number(name), Number(fields[FIELD.ppid]))
  }
  // Children may have smaller ids than their parents, so repeat until nothing new is found.
  for (let size = -1; size !== tree.size; ) {
    size = tree.size
    for (const [pid, parent] of parents) if (tree.has(parent)) tree.add(pid)
  }
  return tree
}

/** Indexes in `/proc/<pid>/stat`, counted after the command's closing bracket. */
const FIELD = { ppid: 1, utime: 11, stime: 12, cutime: 13, cstime: 14 } as const

function readStat(pid: number): string[] | undefined {
  const text = readProc(pid, 'stat')
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')
}

function ticks(fields: readonly string[], names: readonly (keyof typeof FIELD)[]): number {
  return names.reduce((sum, name) => sum + Number(fields[FIELD[name]] ?? 0), 0)
}

function kibibytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0)
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    // It ended between the listing and the read.
    return undefined
  }
}
