import { constants } from 'node:fs'
import { access, mkdtemp, open, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { AppError } from '../faults/app-error.ts'
import { toAppError } from '../faults/system-fault.ts'
import { type Finding, failed, ok, reasonOf, warning } from './finding.ts'

/** Less than this is soon full: it holds a few images. */
const LOW_BYTES = 2 * 1024 ** 3
/** Each push of a layer waits for some of these; above this a push of many layers is slow. */
const SLOW_FSYNC_MS = 50

/** Checks that a folder can be written to durably, its free space, and the time of an fsync. */
export async function checkDisk(
  folder: string,
  floorOf: (totalBytes: number) => number = () => 0,
): Promise<Finding[]> {
  try {
    const stats = await statfs(folder)
    return [judgeRoom(folder, stats, floorOf), await checkFsync(folder)]
  } catch (error) {
    if (reasonOf(error) === 'ENOENT') return await checkParent(folder, floorOf)
    return [unusable(folder, error)]
  }
}

/** Checks the parent of a folder that the first start will make: permission and free space. */
async function checkParent(folder: string, floorOf: (totalBytes: number) => number): Promise<Finding[]> {
  let parent = dirname(folder)
  for (;;) {
    try {
      await access(parent, constants.W_OK | constants.X_OK)
      const room = judgeRoom(parent, await statfs(parent), floorOf)
      return [ok('disk', `${folder} is not there yet: the first start makes it`), room]
    } catch (error) {
      if (reasonOf(error) !== 'ENOENT' || dirname(parent) === parent) return [unusable(parent, error)]
      parent = dirname(parent)
    }
  }
}

function unusable(folder: string, error: unknown): Finding {
  const fault = toAppError(error, 'data', folder)
  if (fault instanceof AppError) return failed('disk', fault.message, fault.remedy)
  return failed(
    'disk',
    `The folder ${folder} cannot be used (${reasonOf(error)})`,
    'See that its owner is the user Berth runs as, and that its disk is not mounted read-only; or name another with --data',
  )
}

function judgeRoom(
  folder: string,
  stats: { bavail: number; blocks: number; bsize: number; ffree: number; files: number },
  floorOf: (totalBytes: number) => number,
): Finding {
  const free = stats.bavail * stats.bsize
  const room = `${(free / 1024 ** 3).toFixed(1)} GiB free in ${folder}`
  if (stats.files > 0 && stats.ffree / stats.files < 0.02) {
    return warning(
      'disk',
      `Few inodes are left for ${folder}`,
      'Remove small files, or use a larger file system',
    )
  }
  const floor = floorOf(stats.blocks * stats.bsize)
  if (free < floor) {
    return failed(
      'disk',
      `Only ${room}, less than the ${(floor / 1024 ** 3).toFixed(1)} GiB that uploads leave free: pushes are refused with 507`,
      'Delete images, then run "berth trash empty" and "berth gc --now"; or remove other files, enlarge the disk, or lower disk-floor',
    )
  }
  return free < LOW_BYTES
    ? warning(
        'disk',
        `Only ${room}`,
        'Remove other files, or enlarge the disk: deleting images does not give their bytes back at once',
      )
    : ok('disk', room)
}

async function checkFsync(folder: string): Promise<Finding> {
  const probe = await mkdtemp(join(folder, '.doctor-'))
  try {
    await using file = await open(join(probe, 'probe'), 'wx')
    await file.write(Buffer.alloc(4096, 1))
    const startedAt = performance.now()
    await file.sync()
    const ms = performance.now() - startedAt
    const message = `An fsync in ${folder} takes ${ms.toFixed(1)} ms`
    return ms > SLOW_FSYNC_MS
      ? warning('disk', message, 'Pushes wait for it: use a local SSD rather than a network disk')
      : ok('disk', message)
  } finally {
    await rm(probe, { recursive: true, force: true })
  }
}
