import { readFile } from 'node:fs/promises'
import { arch, cpus, platform, release, totalmem } from 'node:os'
import { findPart } from '../test/parts/find-parts.ts'
import { runCommand } from '../test/support/machine/run-command.ts'

/** The machine of the figures. */
interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGb: number
  readonly system: string
  /** File system of the folder of the data. */
  readonly disk: string
  readonly versions: Readonly<Record<string, string>>
}

/** Flags with which each part prints its version. */
const VERSION_FLAGS: Readonly<Record<string, readonly string[]>> = {
  'docker-registry': ['--version'],
  nginx: ['-v'],
  curl: ['--version'],
  wrk: ['--version'],
  openssl: ['version'],
}

/** Describes the machine and the parts; `folder` is the place of the data. */
export async function describeMachine(folder: string): Promise<Machine> {
  const versions: Record<string, string> = {
    node: process.version,
    'OpenSSL of node': process.versions.openssl,
  }
  for (const [name, flags] of Object.entries(VERSION_FLAGS)) {
    const file = findPart(name)
    if (file === undefined) continue
    const { stdout, stderr } = await runCommand(file, flags)
    versions[name] = (stdout + stderr).trim().split('\n')[0] ?? ''
  }
  const { stdout: disk } = await runCommand('df', ['--output=source,fstype', folder])
  return {
    processor: await nameProcessor(),
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
    system: `${platform()} ${release()} ${arch()}`,
    disk: disk.trim().split('\n').at(-1) ?? '',
    versions,
  }
}

/** Formats a machine as a list in Markdown. */
export function formatMachine(machine: Machine): string {
  const { processor, cores, memoryGb, system, disk, versions } = machine
  return [
    `- ${processor}, ${cores} cores, ${memoryGb} GB; ${system}; ${disk}`,
    ...Object.entries(versions).map(([name, version]) => `- ${name}: ${version}`),
  ].join('\n')
}

async function nameProcessor(): Promise<string> {
  const [first] = cpus()
  const family = /^model\s+: (\d+)$/m.exec(await readFile('/proc/cpuinfo', 'utf8'))?.[1]
  return `${first?.model.trim() ?? 'unknown processor'} (model ${family ?? '?'})`
}
