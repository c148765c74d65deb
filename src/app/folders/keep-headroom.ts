import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import { Headroom } from '../../files/headroom.ts'
import { OciError } from '../../oci/errors.ts'
import { runPeriodically } from '../../upkeep/run-periodically.ts'

/** Time between two checks for room for the file, in milliseconds. */
const RESTORE_EVERY_MS = 10_000

/** The headroom of a data folder, which logs its removal. */
export function openHeadroom({ dataDir }: Config, logger: Logger): Headroom {
  return new Headroom(dataDir, () =>
    logger.warn(
      { dataDir },
      'the disk of the data folder is full: the file "headroom" was given up, so that commands and deleting still work; pushes are refused until the file is made again. To free space, remove other files, or delete images, then run "berth trash empty" and "berth gc --now"',
    ),
  )
}

/** Makes the file now, or as soon as there is room for it. A full disk does not prevent a start. */
export async function restoreHeadroom(headroom: Headroom, logger: Logger): Promise<AsyncDisposable> {
  const onError = (err: unknown): void => logger.debug({ err }, 'the headroom cannot be made')
  await headroom.restore().catch(onError)
  const restoring = runPeriodically(
    async () => {
      if (await headroom.restore()) logger.info('the disk of the data folder has room again')
    },
    { firstMs: RESTORE_EVERY_MS, everyMs: RESTORE_EVERY_MS, onError },
  )
  return { [Symbol.asyncDispose]: () => restoring.stop() }
}

/** Refuses a write to the disk of the database while there is no headroom. Errors: `STORAGE_FULL`. */
export function refuseWithoutHeadroom(headroom: Headroom): void {
  if (!headroom.isShort) return
  throw new OciError('STORAGE_FULL', {
    message:
      'The storage of this registry is full: nothing was stored. Try again once its operator has freed space',
  })
}
