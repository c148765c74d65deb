import { arch, cpus, freemem, release, totalmem, type, uptime } from 'node:os'

/** The versions and the size of a machine, without its name. */
export function describeMachine(version: string): Record<string, unknown> {
  const { node, openssl, v8, uv } = process.versions
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return {
    berth: version,
    node,
    openssl,
    v8,
    uv,
    system: `${type()} ${release()} ${arch()}`,
    glibc: report.header?.glibcVersionRuntime ?? null,
    cpus: cpus().length,
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    // Without a limit it is a number beyond the memory.
    allowedMemoryBytes: Math.min(process.constrainedMemory(), totalmem()),
    upSeconds: Math.round(uptime()),
    user: process.getuid?.() ?? null,
    umask: process.umask().toString(8),
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    now: new Date().toISOString(),
  }
}
