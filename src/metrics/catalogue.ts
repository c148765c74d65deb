import type { MetricEntry } from './metric.ts'

/** Bounds for requests, in seconds: from a remembered manifest to a layer over a slow line. */
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300] as const
/** Bounds for the database and the disk, in seconds: from a row in memory to a disk that stalls. */
const STORAGE_SECONDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5] as const

/** Metrics of requests. */
const REQUEST_METRICS = {
  berth_requests_total: {
    kind: 'counter',
    help: 'Requests to the registry that are over, by kind of route, class of status, and relation of the repository to the account of the request.',
    labels: ['route', 'status', 'repository'],
  },
  berth_request_duration_seconds: {
    kind: 'histogram',
    help: 'Time of requests to the registry, from the head of the request to the end of the answer.',
    labels: ['route'],
    buckets: REQUEST_SECONDS,
  },
  berth_received_bytes_total: {
    kind: 'counter',
    help: 'Bytes of bodies of requests to the registry.',
    labels: ['route'],
  },
  berth_sent_bytes_total: {
    kind: 'counter',
    help: 'Bytes of bodies of answers of the registry.',
    labels: ['route'],
  },
  berth_requests_in_progress: { kind: 'gauge', help: 'Requests to the registry under way.', labels: [] },
  berth_transfers_in_progress: {
    kind: 'gauge',
    help: 'Uploads and downloads of blobs under way.',
    labels: [],
  },
  berth_logins_total: {
    kind: 'counter',
    help: 'Checks of a name and a password: accepted, wrong, or refused because too many came.',
    labels: ['result'],
  },
  berth_credential_lookups_total: {
    kind: 'counter',
    help: 'Look-ups of a name and a password that were checked before: right and wrong ones need no new check, missed ones do.',
    labels: ['result'],
  },
  berth_credentials_remembered: {
    kind: 'gauge',
    help: 'Names with passwords whose check is remembered, as hashes: right and wrong ones.',
    labels: ['result'],
    merge: 'max',
  },
  berth_password_hash_jobs: {
    kind: 'gauge',
    help: 'Checks of password hashes that run or wait for their turn.',
    labels: ['state'],
  },
} as const satisfies Record<string, MetricEntry>

/** Metrics of the front door. */
const SITE_METRICS = {
  berth_site_requests_total: {
    kind: 'counter',
    help: 'Requests to sites other than the registry that are over, by site and class of status.',
    labels: ['site', 'status'],
  },
  berth_site_request_seconds_total: {
    kind: 'counter',
    help: 'Time of requests to sites other than the registry, added up.',
    labels: ['site'],
  },
  berth_site_sent_bytes_total: {
    kind: 'counter',
    help: 'Bytes of bodies of answers of sites other than the registry.',
    labels: ['site'],
  },
  berth_upstream_failures_total: {
    kind: 'counter',
    help: 'Failures of servers behind sites, each attempt: refused, unreachable, connect-timeout, tls, no-answer (the connection ended before one), timeout, bad-answer.',
    labels: ['site', 'kind'],
  },
  berth_sites: {
    kind: 'gauge',
    help: 'Sites that are served, and sites that are closed because of a fault in their settings.',
    labels: ['state'],
    merge: 'max',
  },
  berth_site_servers: {
    kind: 'gauge',
    help: 'Servers behind a site: usable, unhealthy by the check of their container, or unusable.',
    labels: ['site', 'state'],
    merge: 'max',
  },
  berth_certificate_expiry_timestamp_seconds: {
    kind: 'gauge',
    help: 'End of the certificate that a host is served with.',
    labels: ['host'],
    merge: 'max',
  },
} as const satisfies Record<string, MetricEntry>

/** Metrics of the database and the disk. */
const STORAGE_METRICS = {
  berth_database_transaction_duration_seconds: {
    kind: 'histogram',
    help: 'Time of transactions, with the wait for their turn and until they are durable.',
    labels: ['result'],
    buckets: STORAGE_SECONDS,
  },
  berth_database_query_duration_seconds: {
    kind: 'histogram',
    help: 'Time of queries outside of transactions, without those of remembered rows.',
    labels: [],
    buckets: STORAGE_SECONDS,
  },
  berth_database_row_lookups_total: {
    kind: 'counter',
    help: 'Look-ups of rows that each request needs: found in memory, or missed there and read from the database.',
    labels: ['result'],
  },
  berth_storage_sync_duration_seconds: {
    kind: 'histogram',
    help: 'Time of fsync for the bytes of an upload.',
    labels: [],
    buckets: STORAGE_SECONDS,
  },
  berth_disk_free_bytes: { kind: 'gauge', help: 'Free room of a disk.', labels: ['disk'], merge: 'max' },
  berth_disk_size_bytes: { kind: 'gauge', help: 'Size of a disk.', labels: ['disk'], merge: 'max' },
  berth_disk_floor_bytes: {
    kind: 'gauge',
    help: 'Room of a disk that uploads leave free (disk-floor).',
    labels: ['disk'],
    merge: 'max',
  },
} as const satisfies Record<string, MetricEntry>

/** Metrics of the upkeep of stored content. */
const UPKEEP_METRICS = {
  berth_read_only: {
    kind: 'gauge',
    help: '1 while pushes and deletes are refused by "berth read-only on".',
    labels: [],
    merge: 'max',
  },
  berth_collection_paused: {
    kind: 'gauge',
    help: '1 while collection is paused by "berth gc pause".',
    labels: [],
    merge: 'max',
  },
  berth_upload_sessions: {
    kind: 'gauge',
    help: 'Upload sessions that are open: under way, or given up and not removed yet.',
    labels: [],
    merge: 'max',
  },
  berth_collection_due_items: {
    kind: 'gauge',
    help: 'Entries of the collection queue that are due.',
    labels: [],
    merge: 'max',
  },
  berth_collection_late: {
    kind: 'gauge',
    help: '1 while content should have been removed more than a day ago (COLLECTION_LATE).',
    labels: [],
    merge: 'max',
  },
  berth_collection_last_round_timestamp_seconds: {
    kind: 'gauge',
    help: 'Time of the last round of collection; absent before the first one.',
    labels: [],
    merge: 'max',
  },
  berth_damaged_blobs: {
    kind: 'gauge',
    help: 'Stored content that is damaged and not served (CONTENT_DAMAGED).',
    labels: [],
    merge: 'max',
  },
  berth_scrub_last_end_timestamp_seconds: {
    kind: 'gauge',
    help: 'End of the last verification of all content; absent while the first one is not complete.',
    labels: [],
    merge: 'max',
  },
  berth_retention_last_run_timestamp_seconds: {
    kind: 'gauge',
    help: 'Begin of the last run of retention; absent before the first one.',
    labels: [],
    merge: 'max',
  },
  berth_retention_failed: {
    kind: 'gauge',
    help: '1 if the last run of retention did nothing, or not all.',
    labels: [],
    merge: 'max',
  },
  berth_backup_last_success_timestamp_seconds: {
    kind: 'gauge',
    help: 'End of the last complete backup to backup-to; absent before the first one, and without backup-to.',
    labels: [],
    merge: 'max',
  },
  berth_webhook_attempts_total: {
    kind: 'counter',
    help: 'Requests to webhooks, by result: delivered, failed (it is tried again) or dead (it is not).',
    labels: ['result'],
  },
  berth_webhook_deliveries: {
    kind: 'gauge',
    help: 'Deliveries to webhooks that wait, and dead ones.',
    labels: ['state'],
    merge: 'max',
  },
  berth_backup_trouble: {
    kind: 'gauge',
    help: '1 while scheduled backups fail (BACKUP_FAILED) or are late (BACKUP_LATE); absent without backup-to.',
    labels: ['kind'],
    merge: 'max',
  },
} as const satisfies Record<string, MetricEntry>

/** Metrics of the processes. */
const PROCESS_METRICS = {
  berth_build_info: {
    kind: 'gauge',
    help: 'Always 1: the versions are in the labels.',
    labels: ['version', 'node'],
    merge: 'max',
  },
  berth_start_time_seconds: {
    kind: 'gauge',
    help: 'Time at which the server started.',
    labels: [],
    merge: 'max',
  },
  berth_processes: { kind: 'gauge', help: 'Processes of this server that report.', labels: ['role'] },
  berth_workers: {
    kind: 'gauge',
    help: 'Workers that report, and those that did not reply in time; absent without workers.',
    labels: ['state'],
    merge: 'max',
  },
  berth_workers_ended_total: {
    kind: 'counter',
    help: 'Workers that ended while the server ran, and were replaced.',
    labels: [],
  },
  berth_cpu_seconds_total: {
    kind: 'counter',
    help: 'Processor time of the processes.',
    labels: ['role', 'mode'],
  },
  berth_resident_memory_bytes: { kind: 'gauge', help: 'Resident memory of the processes.', labels: ['role'] },
  berth_heap_used_bytes: { kind: 'gauge', help: 'Memory of JavaScript objects.', labels: ['role'] },
  berth_open_fds: { kind: 'gauge', help: 'Open files and connections of the processes.', labels: ['role'] },
  berth_max_fds: {
    kind: 'gauge',
    help: 'Open files and connections that one process may have.',
    labels: ['role'],
    merge: 'max',
  },
  berth_event_loop_delay_p99_seconds: {
    kind: 'gauge',
    help: 'Delay of timers that all but a hundredth kept below since the figures before; of the slowest process of a role.',
    labels: ['role'],
    merge: 'max',
  },
  berth_event_loop_delay_max_seconds: {
    kind: 'gauge',
    help: 'Longest delay of a timer since the figures before; of the slowest process of a role.',
    labels: ['role'],
    merge: 'max',
  },
  berth_trace_spans_total: {
    kind: 'counter',
    help: 'Spans of traces: sent, failed (the collector did not take them) or dropped (too many waited); absent without traces.',
    labels: ['result'],
  },
  berth_scrape_source_failed: {
    kind: 'gauge',
    help: '1 if figures could not be read in time; those of this source are then absent.',
    labels: ['source'],
    merge: 'max',
  },
} as const satisfies Record<string, MetricEntry>

/** All metrics, in the order of docs/metrics.md and of a scrape. */
export const METRICS = {
  ...REQUEST_METRICS,
  ...SITE_METRICS,
  ...STORAGE_METRICS,
  ...UPKEEP_METRICS,
  ...PROCESS_METRICS,
} as const satisfies Record<string, MetricEntry>

/** Name of a metric. */
export type MetricName = keyof typeof METRICS
