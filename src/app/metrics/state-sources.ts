import type { BlobStore, StoreRoom } from '../../blobs/blob-store.ts'
import type { Config } from '../../config/config.ts'
import { createWebhookManager } from '../../events/webhooks/webhook-manager.ts'
import { createBackupFacts } from '../../metadata/backup/create-backup-facts.ts'
import { MAX_BACKUP_RUNS } from '../../metadata/backup-facts.ts'
import { createCollectionFacts } from '../../metadata/collection/create-collection-facts.ts'
import { createRoundFacts } from '../../metadata/collection/create-round-facts.ts'
import type { Metadata } from '../../metadata/metadata.ts'
import { createRetentionFacts } from '../../metadata/retention/create-retention-facts.ts'
import { createPassFacts } from '../../metadata/scrub/create-pass-facts.ts'
import { createScrubFacts } from '../../metadata/scrub/create-scrub-facts.ts'
import { createSizeFacts } from '../../metadata/sizes/create-size-facts.ts'
import type { MetricName } from '../../metrics/catalogue.ts'
import type { Meter } from '../../metrics/meter.ts'
import type { MetricSource } from '../../metrics/process-metrics.ts'
import type { RoomMeter } from '../../registry/push/upload-room.ts'
import { findBackupTrouble } from '../backup/find-trouble.ts'
import type { CertificateExpiry } from '../certificates/certificate-expiry.ts'
import { toPolicy } from '../collection/collection-terms.ts'
import { findLate } from '../collection/find-late.ts'
import type { Store } from '../data/open-store.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { createRoomMeters } from '../folders/disk-floor.ts'

/** Certificates with a value of their own: those that end first. */
const MAX_CERTIFICATES = 100

/** Dependencies of the figures of a whole server, which one of its processes reads. */
interface StateContext {
  readonly config: Config
  readonly database: Store['database']
  readonly blobs: BlobStore
  readonly metadata: Metadata
  readonly expiry: CertificateExpiry
}

/** The figures of a whole server: what its database, its disks and its certificates say. */
export function createStateSources(context: StateContext): MetricSource[] {
  return [
    switches(context),
    uploads(context),
    collection(context),
    damages(context),
    retention(context),
    backups(context),
    webhookDeliveries(context),
    disks(context),
    certificates(context),
  ]
}

/** Values of gauges without labels; undefined: it has none. */
type Values = Partial<Record<MetricName, number | undefined>>

/** A source of gauges without labels, which have no value where it fails. */
function gauges(name: string, names: readonly MetricName[], read: () => Promise<Values>): MetricSource {
  const forget = (meter: Meter): void => {
    for (const gauge of names) meter.forget(gauge)
  }
  return {
    name,
    forget,
    async read() {
      const values = await read()
      return (meter) => {
        forget(meter)
        for (const gauge of names) {
          const value = values[gauge]
          if (value !== undefined) meter.set(gauge, value)
        }
      }
    },
  }
}

function switches({ metadata }: StateContext): MetricSource {
  return gauges('switches', ['berth_read_only', 'berth_collection_paused'], async () => ({
    berth_read_only: (await metadata.findSwitch('read-only')) ? 1 : 0,
    berth_collection_paused: (await metadata.findSwitch('collection-paused')) ? 1 : 0,
  }))
}

function uploads({ database }: StateContext): MetricSource {
  const sizes = createSizeFacts(database)
  return gauges('uploads', ['berth_upload_sessions'], async () => ({
    berth_upload_sessions: await sizes.countUploads(),
  }))
}

function collection({ config, database, metadata }: StateContext): MetricSource {
  const facts = createCollectionFacts(database)
  const rounds = createRoundFacts(database)
  const names = [
    'berth_collection_due_items',
    'berth_collection_late',
    'berth_collection_last_round_timestamp_seconds',
  ] as const
  return gauges('collection', names, async () => {
    const late = await findLate({ config, facts, rounds, switches: metadata, now: database.now })
    return {
      berth_collection_due_items: await facts.countDue(toPolicy(config), 0),
      berth_collection_late: late ? 1 : 0,
      berth_collection_last_round_timestamp_seconds: toSeconds((await rounds.readTimes()).lastAt),
    }
  })
}

function damages({ database }: StateContext): MetricSource {
  const scrub = createScrubFacts(database)
  const passes = createPassFacts(database)
  return gauges('scrub', ['berth_damaged_blobs', 'berth_scrub_last_end_timestamp_seconds'], async () => ({
    berth_damaged_blobs: (await scrub.countDamages()).count,
    berth_scrub_last_end_timestamp_seconds: toSeconds((await passes.read('scrub'))?.endedAt),
  }))
}

function retention({ database }: StateContext): MetricSource {
  const facts = createRetentionFacts(database)
  const names = ['berth_retention_last_run_timestamp_seconds', 'berth_retention_failed'] as const
  return gauges('retention', names, async () => {
    const [last] = (await facts.listRuns(2)).filter(({ endedAt }) => endedAt !== undefined)
    return {
      berth_retention_last_run_timestamp_seconds: toSeconds(last?.startedAt),
      berth_retention_failed: last && (last.problem === undefined ? 0 : 1),
    }
  })
}

function webhookDeliveries({ database }: StateContext): MetricSource {
  const manager = createWebhookManager(database)
  return {
    name: 'webhooks',
    forget: (meter) => meter.forget('berth_webhook_deliveries'),
    async read() {
      const webhooks = await manager.list()
      return (meter) => {
        for (const state of ['waiting', 'dead'] as const)
          meter.set(
            'berth_webhook_deliveries',
            webhooks.reduce((sum, webhook) => sum + webhook[state], 0),
            { state },
          )
      }
    },
  }
}

function backups({ config, database }: StateContext): MetricSource {
  const facts = createBackupFacts(database)
  const { folder } = config.backup
  const forget = (meter: Meter): void => {
    meter.forget('berth_backup_trouble')
    meter.forget('berth_backup_last_success_timestamp_seconds')
  }
  return {
    name: 'backup',
    forget,
    async read() {
      if (folder === undefined) return () => {}
      const runs = await facts.listBackups(MAX_BACKUP_RUNS)
      const last = runs.find((run) => run.folder === folder && run.outcome === 'complete')
      const trouble = await findBackupTrouble(config, facts, database.now())
      return (meter) => {
        forget(meter)
        for (const kind of ['failed', 'late'] as const)
          meter.set('berth_backup_trouble', trouble?.kind === kind ? 1 : 0, { kind })
        const ended = toSeconds(last?.endedAt)
        if (ended !== undefined) meter.set('berth_backup_last_success_timestamp_seconds', ended)
      }
    },
  }
}

function disks({ config, blobs }: StateContext): MetricSource {
  const meters = createRoomMeters(config, { blobs, place: createBlobPlace(config) })
  const forget = (meter: Meter): void => {
    for (const name of ['berth_disk_free_bytes', 'berth_disk_size_bytes', 'berth_disk_floor_bytes'] as const)
      meter.forget(name)
  }
  return {
    name: 'disk',
    forget,
    async read() {
      const rooms = await Promise.all(meters.map(async (meter) => ({ meter, room: await meter.measure() })))
      return (meter) => {
        forget(meter)
        for (const { meter: disk, room } of rooms) setDisk(meter, disk, room)
      }
    },
  }
}

function setDisk(meter: Meter, { floorOf, takesUploads }: RoomMeter, room: StoreRoom | undefined): void {
  if (!room) return
  const disk = takesUploads ? 'blobs' : 'database'
  meter.set('berth_disk_free_bytes', room.freeBytes, { disk })
  meter.set('berth_disk_size_bytes', room.totalBytes, { disk })
  meter.set('berth_disk_floor_bytes', floorOf(room.totalBytes), { disk })
}

function certificates({ expiry }: StateContext): MetricSource {
  return {
    name: 'certificates',
    async read() {
      const first = expiry
        .served()
        .toSorted((a, b) => a.notAfter - b.notAfter)
        .slice(0, MAX_CERTIFICATES)
      return (meter) => {
        meter.forget('berth_certificate_expiry_timestamp_seconds')
        for (const { host, notAfter } of first)
          meter.set('berth_certificate_expiry_timestamp_seconds', notAfter / 1_000, { host })
      }
    },
  }
}

function toSeconds(time: Date | undefined): number | undefined {
  return time && time.getTime() / 1_000
}
